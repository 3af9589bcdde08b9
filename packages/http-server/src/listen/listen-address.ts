/**
 * Where to listen: `hostname` and `port`, or a Unix `path`, or a socket that listens already (`fd`, or `listen: 'systemd'`).
 */
export interface ListenAddress {
  /** Name or literal; names are looked up once. `'::'` takes IPv4 connections as well, unless `ipv6Only`. Default `'0.0.0.0'`. */
  readonly hostname?: string;
  /** 0 lets the system choose. Default 3000. */
  readonly port?: number;
  /**
   * Unix socket path; a leading NUL makes it abstract: no file, no permissions. The file is removed by `close()`; one that a killed process
   * left behind is replaced, one that somebody listens behind is `EADDRINUSE`.
   */
  readonly path?: string;
  /** Permissions of the file of `path`, such as `0o660`: connecting takes the right to write. Default: by the umask. */
  readonly mode?: number;
  /** The descriptor of a stream socket that listens already. It is made blocking, and stays open when the server closes. */
  readonly fd?: number;
  /** `'systemd'`: the sockets this process was started with (LISTEN_FDS, see systemd.socket(5)). They stay open when the server closes. */
  readonly listen?: 'systemd';
  /** With `listen: 'systemd'`: only sockets of this `FileDescriptorName=`. Default all. */
  readonly fdName?: string;
  /** Connections the kernel queues before they are accepted. Default 4096, capped by net.core.somaxconn. */
  readonly backlog?: number;
  /** Other processes of this user may listen on the same port (SO_REUSEPORT). Default false: a port in use is `EADDRINUSE`. */
  readonly reusePort?: boolean;
  /** The IPv6 wildcard takes no IPv4 connections. Default false. */
  readonly ipv6Only?: boolean;
}

/** Default of `port`. */
export const PORT = 3000;
/** Default of `hostname`. */
export const HOSTNAME = '0.0.0.0';
