"""The fast network path: pynetdicom's association with its bytes and its C-STORE and C-ECHO handled here.

One thread serves one association and pumps its own upper layer; nothing waits but in `poll`. Association, release and abort stay
with pynetdicom's coders and state machine (PS3.8 9.2).
"""
