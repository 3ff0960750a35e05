"""What all workers of a receiver share: the listening sockets, and the counts of connections and associations."""

from __future__ import annotations

import socket
from dataclasses import dataclass

from node.receive.associate.places import PlaceTable
from node.receive.listen.sockets import listen_on
from node.receive.pool.config import ReceiverConfig
from storage.base.errors import ConfigError


@dataclass(frozen=True)
class Doors:
    """Made once, before any worker. ``plain`` is None where nothing listens without TLS, ``tls`` where nothing does with it."""

    plain: socket.socket | None
    tls: socket.socket | None
    connections: PlaceTable
    associations: PlaceTable

    @property
    def port(self) -> int | None:
        """The port for associations without TLS."""
        return _port_of(self.plain)

    @property
    def tls_port(self) -> int | None:
        """The port for associations over TLS."""
        return _port_of(self.tls)

    def clear(self, worker: int) -> None:
        """Forget what a worker held that is no more."""
        self.connections.clear(worker)
        self.associations.clear(worker)

    def shut(self) -> None:
        """Listen no more in this process."""
        for listening in (self.plain, self.tls):
            if listening is not None:
                listening.close()

    def close(self) -> None:
        """Let all of it go, in this process."""
        self.shut()
        self.connections.close()
        self.associations.close()


def open_doors(config: ReceiverConfig) -> Doors:
    """Bind the ports and make room for the counts.

    Raises
    ------
    ConfigError
        A port can't be used; names the key and the mend.
    """
    listen = config.listen
    plain = None if config.tls_only else listen_on(listen.host, listen.port)
    try:
        tls = None if config.tls is None else listen_on(config.tls.host, config.tls.port, "tls.port")
    except ConfigError:
        if plain is not None:
            plain.close()
        raise
    most_per_host = min(listen.max_per_host or listen.max_associations, listen.max_associations)
    return Doors(
        plain,
        tls,
        PlaceTable(
            config.processes, listen.max_associations + listen.most_waiting, most_per_host + (listen.most_waiting + 1) // 2
        ),
        PlaceTable(config.processes, listen.max_associations, most_per_host),
    )


def _port_of(listening: socket.socket | None) -> int | None:
    return None if listening is None else int(listening.getsockname()[1])
