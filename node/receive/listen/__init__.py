"""The listening side: sockets, the accept loop, and one thread per connection up to its association."""
