import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterEach, expect, test } from '@jest/globals';
import { followExchanges } from '../../src/http/server/exchanges.ts';
import { cutIdleClients } from '../../src/http/server/idle.ts';
import { until } from '../support/until.ts';

const idleMilliseconds = 100;
const longer = () => new Promise((resolve) => setTimeout(resolve, 5 * idleMilliseconds));

let server: Server;
let connections: { accepted: number; closed: number };
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

async function serve(handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>): Promise<Socket> {
  server = createServer((request, response) => void handle(request, response).catch(() => undefined));
  cutIdleClients(server, followExchanges(server), idleMilliseconds);
  const counts = { accepted: 0, closed: 0 };
  connections = counts;
  server.on('connection', (accepted: Socket) => {
    counts.accepted++;
    accepted.once('close', () => counts.closed++);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

/** Everything that the server says until it or the client ends the connection. */
async function answerOf(socket: Socket): Promise<string> {
  let received = '';
  socket.on('data', (data: Buffer) => (received += data.toString()));
  await once(socket, 'close');
  return received;
}

const answer = (response: ServerResponse) => void response.writeHead(201, { Connection: 'close', 'Content-Length': 0 }).end();

test('a client that waits for its answer is not disconnected, however long the work takes', async () => {
  const socket = await serve(async (request, response) => {
    for await (const chunk of request) expect(chunk).toBeDefined();
    await longer();
    answer(response);
  });
  socket.write('PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc');
  expect(await answerOf(socket)).toMatch(/^HTTP\/1.1 201 /);
});

test('a client whose bytes berth has not read yet is not disconnected', async () => {
  const body = Buffer.alloc(20_000_000);
  let length = 0;
  const socket = await serve(async (request, response) => {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      if (length === 0) await longer();
      length += chunk.length;
    }
    answer(response);
  });
  socket.write(`PATCH / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`);
  socket.write(body);
  expect(await answerOf(socket)).toMatch(/^HTTP\/1.1 201 /);
  expect(length).toBe(body.length);
});

test('a client that stops in the middle of a body gets 408 and is disconnected', async () => {
  const socket = await serve(async (request, response) => {
    for await (const chunk of request) expect(chunk).toBeDefined();
    answer(response);
  });
  socket.write('PUT / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\nabc');
  expect(await answerOf(socket)).toMatch(/^HTTP\/1.1 408 [^]*no byte of the request arrived within 0.1 s/);
});

test('a client that sends no request, or does not read its answer, is disconnected', async () => {
  const socket = await serve((_request, response) => {
    response.writeHead(200).write(Buffer.alloc(50_000_000));
    return Promise.resolve();
  });
  const silent = connect((server.address() as AddressInfo).port, '127.0.0.1');
  silent.on('error', () => undefined);
  socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  expect(await answerOf(silent)).toBe('');
  await until(() => connections.accepted === 2 && connections.closed === 2);
});
