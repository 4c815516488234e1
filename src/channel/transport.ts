// Sockets between hosts: TCP with mutual TLS 1.3, or plaintext where the configuration says
// insecure.
import { connect as connectTcp, createServer as createTcpServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { formatAddress } from '../config/address.ts';
import type { Endpoint } from '../config/address.ts';

/** PEM texts: the cluster's CA, this host's certificate and key. */
export interface TlsMaterial {
  ca: string;
  cert: string;
  key: string;
}

/** A connected peer; `name` is its certificate's CN, undefined in plaintext. */
export type Accept = (socket: Socket, name: string | undefined) => void;

const HANDSHAKE_TIMEOUT_MS = 3000;
/** Connections that may wait for their handshake or hello at a time; hosts of a cluster are few. */
const CONNECTION_LIMIT = 1024;

function nameOf(certificate: PeerCertificate | undefined): string | undefined {
  const name: unknown = certificate?.subject?.CN;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

/** Listens; resolves when it does. Errors of a connection's handshake go to `refused`. */
export function listen(
  at: Endpoint,
  tls: TlsMaterial | undefined,
  accept: Accept,
  refused: (reason: string) => void,
): Promise<Server> {
  const server: Server = tls
    ? createTlsServer({
        ...tls,
        requestCert: true,
        // refused below instead, with the reason: the automatic refusal only says "socket hang up"
        rejectUnauthorized: false,
        minVersion: 'TLSv1.3',
        handshakeTimeout: HANDSHAKE_TIMEOUT_MS,
      })
    : createTcpServer();
  server.maxConnections = CONNECTION_LIMIT;
  server.on('tlsClientError', (error: Error, socket: TLSSocket) => {
    refused(`${socket.remoteAddress ?? 'a peer'}: ${error.message}`);
  });
  server.on('connection', (socket: Socket) => {
    // before TLS is up, an error has no other taker
    socket.on('error', () => {});
    if (!tls) accept(socket, undefined);
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    const name = socket.authorized ? nameOf(socket.getPeerCertificate()) : undefined;
    if (name !== undefined) return accept(socket, name);
    // a text, whatever the types say
    const why = String(socket.authorizationError ?? 'it names no host');
    refused(`${socket.remoteAddress ?? 'a peer'}: its certificate is not accepted: ${why}`);
    socket.destroy();
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen({ host: formatAddress(at.address), port: at.port, exclusive: true }, () => {
      server.off('error', reject);
      server.on('error', (error) => refused(error.message));
      resolve(server);
    });
  });
}

/**
 * Connects to the host `name`. With TLS the peer must have a certificate of the cluster's CA with
 * that CN. Calls one of `connected` and `failed`, once. Returns a function that gives up silently.
 */
export function dial(
  at: Endpoint,
  name: string,
  tls: TlsMaterial | undefined,
  connected: (socket: Socket) => void,
  failed: (reason: string) => void,
): () => void {
  const place = { host: formatAddress(at.address), port: at.port };
  const checkServerIdentity = (_: string, certificate: PeerCertificate): Error | undefined => {
    const found = nameOf(certificate);
    if (found === name) return undefined;
    return new Error(`its certificate is of "${found}", expected was "${name}"`);
  };
  const socket: Socket = tls
    ? connectTls({ ...place, ...tls, minVersion: 'TLSv1.3', checkServerIdentity })
    : connectTcp(place);
  const late = setTimeout(() => settle('no answer'), HANDSHAKE_TIMEOUT_MS);
  let settled = false;
  function settle(reason: string | undefined): void {
    if (settled) return;
    settled = true;
    clearTimeout(late);
    if (reason === undefined) return connected(socket);
    socket.destroy();
    failed(reason);
  }
  socket.on('error', (error) => settle(error.message));
  socket.once('close', () => settle('closed by the peer'));
  socket.once(tls ? 'secureConnect' : 'connect', () => settle(undefined));
  return () => {
    if (settled) return;
    settled = true;
    clearTimeout(late);
    socket.destroy();
  };
}
