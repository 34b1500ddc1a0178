import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type RequestListener, type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { readHttpLimits } from '../../../src/assembly/limits/http-limits.ts';
import { limitConnections } from '../../../src/http/server/connections.ts';
import { followExchanges } from '../../../src/http/server/exchanges.ts';
import { loadConfig } from '../../../config/load.ts';
import { writeCertificate } from '../../support/certificate.ts';
import { gate, until } from '../../support/until.ts';

const limits = { most: 3, hardMost: 5 };

describe.each(['HTTP', 'HTTPS'])('connections over %s', (scheme) => {
  let certificate: { readonly cert: string; readonly key: string };
  let server: Server;
  let sockets: Socket[];
  let dropped: string[];
  let open: () => number;
  let held: ReturnType<typeof gate>;
  const isSecure = scheme === 'HTTPS';

  beforeAll(async () => {
    const folder = await mkdtemp(join(tmpdir(), 'berth-connections-'));
    const files = await writeCertificate(folder, 'localhost');
    certificate = { cert: await readFile(files.certificate, 'utf8'), key: await readFile(files.key, 'utf8') };
    await rm(folder, { recursive: true });
  });
  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  /** Starts a server whose requests for `/held` wait for the gate. */
  async function start(): Promise<void> {
    [sockets, dropped, held] = [[], [], gate()];
    const handle: RequestListener = (request, response) => {
      try {
        requirePlace(request.socket);
      } catch {
        response.writeHead(503, { Connection: 'close' }).end();
        return;
      }
      void (request.url === '/held' ? held.opened : Promise.resolve()).then(() => response.end('served'));
    };
    server = isSecure ? createTlsServer(certificate, handle) : createServer(handle);
    const requirePlace = limitConnections(
      server,
      followExchanges(server),
      { ...limits, watch: (count) => (open = count), dropped: (reason) => void dropped.push(reason) },
      isSecure,
    );
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  }

  /** Opens a connection, and resolves when the server has it. */
  async function openOne() {
    const { port } = server.address() as AddressInfo;
    const accepted = once(server, isSecure ? 'secureConnection' : 'connection');
    const socket = isSecure ? connectTls({ port, rejectUnauthorized: false }) : connect(port);
    sockets.push(socket);
    let received = '';
    socket.on('data', (chunk: Buffer) => (received += chunk.toString())).on('error', () => undefined);
    await Promise.all([once(socket, isSecure ? 'secureConnect' : 'connect'), accepted]);
    return { socket, received: () => received, send: (path: string) => socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`) };
  }

  async function answerOf(connection: Awaited<ReturnType<typeof openOne>>, path = '/'): Promise<number> {
    const before = connection.received().length;
    connection.send(path);
    await until(() => connection.received().length > before);
    return Number(/^HTTP\/1.1 (\d+)/.exec(connection.received().slice(before))?.[1]);
  }

  test('a new one closes the one that rests longest, also one with half of its headers, and none with a request', async () => {
    await start();
    const [busy, half, rested] = [await openOne(), await openOne(), await openOne()];
    const began = once(server, 'request');
    busy.send('/held');
    await began;
    half.socket.write('GET / HTTP/1.1\r\nX-A: ');
    expect(await answerOf(rested)).toBe(200);
    const fourth = await openOne();
    await until(() => half.socket.destroyed);
    expect(await answerOf(fourth)).toBe(200);
    const fifth = await openOne();
    await until(() => rested.socket.destroyed);
    expect(await answerOf(fifth)).toBe(200);
    expect([dropped, open()]).toEqual([['idle', 'idle'], 3]);
    held.open();
    await until(() => busy.received().endsWith('served'));
  });

  test('while each has a request, a further one gets 503, and those above the hard limit are closed', async () => {
    await start();
    const busy: Awaited<ReturnType<typeof openOne>>[] = [];
    for (let index = 0; index < limits.most; index++) {
      const connection = await openOne();
      const began = once(server, 'request');
      connection.send('/held');
      await began;
      busy.push(connection);
    }
    expect(await answerOf(await openOne())).toBe(503);
    const waiting = await openOne();
    expect(dropped).toEqual(['refused']);
    held.open();
    await until(() => busy.every(({ received }) => received().endsWith('served')));
    expect(await answerOf(waiting)).toBe(200);
    const { port } = server.address() as AddressInfo;
    for (let index = 0; index < limits.hardMost; index++) sockets.push(connect(port).on('error', () => undefined));
    await until(() => open() <= limits.most);
  });
});

test('the default is a part of the open files that the process may have, and a larger number is lowered to it', () => {
  const warnings: string[] = [];
  const read = (openFiles: number, configured = '') => {
    const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
    const metrics = { limits: { watchConnections: () => undefined, connectionDropped: () => undefined } };
    const config = loadConfig({ environment: { BERTH_HTTP_MAX_CONNECTIONS: configured } });
    const { connections } = readHttpLimits(config, { log, metrics, openFiles } as never);
    return [connections.most, connections.hardMost];
  };
  expect(read(1000)).toEqual([400, 450]);
  expect(read(1000, '100')).toEqual([100, 200]);
  expect(warnings).toEqual([]);
  expect(read(1000, '900')).toEqual([400, 450]);
  expect(warnings).toEqual(['http.maxConnections is more than the limit of open files permits']);
});

test('the log tells closed connections from refused ones, each at most once in a while', () => {
  const warnings: string[] = [];
  const log = { warn: (_fields: object, message: string) => void warnings.push(message) };
  const metrics = { limits: { watchConnections: () => undefined, connectionDropped: () => undefined } };
  const { connections } = readHttpLimits(loadConfig({ environment: {} }), { log, metrics, openFiles: 1000 } as never);
  for (const reason of ['idle', 'idle', 'refused', 'refused', 'idle'] as const) connections.dropped?.(reason);
  expect(warnings).toEqual([
    'too many connections: those that rest longest are closed',
    'too many connections: all are busy, and new ones are refused',
  ]);
});
