import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type TestBerth, startBerth } from '../../support/berth.ts';
import { call, callRaw } from '../../support/call.ts';
import { digestOf, startUpload } from '../../support/images.ts';

const maxConnections = 60;

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth({
    BERTH_HTTP_MAX_CONNECTIONS: String(maxConnections),
    BERTH_HTTP_MAX_HEADER_SIZE: '8KiB',
    BERTH_HTTP_HEADERS_TIMEOUT: '400ms',
    BERTH_HTTP_IDLE_TIMEOUT: '300ms',
    BERTH_HTTP_REQUEST_TIMEOUT: '600ms',
    BERTH_UPLOADS_MAX_SIZE: '1000B',
  });
});
afterAll(() => berth.close());

interface RawClient {
  readonly socket: Socket;
  /** Resolves to everything that the server has sent when the connection ends. */
  readonly answer: Promise<string>;
}

async function open(): Promise<RawClient> {
  const socket = connect(berth.port, berth.host);
  let received = '';
  socket.on('data', (chunk: Buffer) => (received += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return { socket, answer: once(socket, 'close').then(() => received) };
}

/** Writes a byte whenever 20 ms have passed, until the connection ends. */
function trickle({ socket }: RawClient): void {
  const timer = setInterval(() => socket.write('a'), 20);
  socket.once('close', () => clearInterval(timer));
}

const isServed = async () => (await call(berth, 'GET', '/v2/')).status === 200;

test('clients that never end their headers get 408, and others are served meanwhile', async () => {
  const slow = await Promise.all(Array.from({ length: 40 }, open));
  for (const client of slow) {
    client.socket.write('GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-A: ');
    trickle(client);
  }
  expect(await isServed()).toBe(true);
  for (const answer of await Promise.all(slow.map((client) => client.answer)))
    expect(answer).toMatch(/^HTTP\/1.1 408 [^]*the headers did not arrive within 0.4 s/);
  expect(await isServed()).toBe(true);
});

test('clients with headers that are too large get 431 with the limit, and others are served', async () => {
  const bomb = `GET /v2/ HTTP/1.1\r\nHost: localhost\r\n${`X-A: ${'a'.repeat(1000)}\r\n`.repeat(200)}\r\n`;
  const answers = await Promise.all(Array.from({ length: 20 }, () => callRaw(berth, bomb)));
  for (const answer of answers) expect(answer).toMatch(/^HTTP\/1.1 431 [^]*at most 8192 bytes here/);
  expect(await isServed()).toBe(true);
});

test('a client that stops in the middle of a body gets 408', async () => {
  const client = await open();
  client.socket.write(`POST ${await startUpload(berth, 'app')} HTTP/1.1\r\n`.replace('POST', 'PATCH'));
  client.socket.write('Host: localhost\r\nContent-Length: 100\r\n\r\nabc');
  expect(await client.answer).toMatch(/^HTTP\/1.1 408 [^]*no byte of the request arrived within 0.3 s/);
});

test('a client that sends its body too slowly gets 408 at the end of http.requestTimeout', async () => {
  const client = await open();
  const location = await startUpload(berth, 'app');
  client.socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 900\r\n\r\n`);
  trickle(client);
  expect(await client.answer).toMatch(/^HTTP\/1.1 408 [^]*the request did not end within 0.6 s/);
});

test('a connection above the limit takes the place of the one that rests longest', async () => {
  const clients = await Promise.all(Array.from({ length: maxConnections }, open));
  expect(await isServed()).toBe(true);
  expect(await clients[0]?.answer).toBe('');
  for (const { socket } of clients) socket.destroy();
});

test('a blob that is larger than uploads.maxSize gets 413, announced, chunked and in several parts', async () => {
  const large = randomBytes(1001);
  const whole = await call(berth, 'POST', `/v2/app/blobs/uploads/?digest=${digestOf(large)}`, { body: large });
  expect([whole.status, whole.codes()]).toEqual([413, ['SIZE_INVALID']]);
  expect(whole.body.toString()).toContain('a blob has at most 1000 bytes here (uploads.maxSize)');
  const location = await startUpload(berth, 'app');
  expect((await call(berth, 'PATCH', location, { body: large, chunked: true })).status).toBe(413);
  const other = await startUpload(berth, 'app');
  expect((await call(berth, 'PATCH', other, { body: large.subarray(0, 600) })).status).toBe(202);
  expect((await call(berth, 'PATCH', other, { body: large.subarray(600) })).status).toBe(413);
  const fitting = large.subarray(1);
  const put = await call(berth, 'POST', `/v2/app/blobs/uploads/?digest=${digestOf(fitting)}`, { body: fitting });
  expect(put.status).toBe(201);
});
