import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir, readlink } from 'node:fs/promises';
import { createServer } from 'node:http';
import { type AddressInfo, type Socket, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { followExchanges } from '../../src/http/server/exchanges.ts';
import { type TestBerth, startBerth } from '../support/berth.ts';
import { call, callRaw } from '../support/call.ts';
import { digestOf, pushBlob, startUpload } from '../support/images.ts';
import { until } from '../support/until.ts';

let berth: TestBerth;
beforeAll(async () => {
  berth = await startBerth();
});
afterAll(() => berth.close());

const growing = () => berth.litter('growing');

/** A connection that the test writes to as it likes. */
async function open(): Promise<{ socket: Socket; received: () => string; closed: Promise<void> }> {
  const socket = connect(berth.port, berth.host);
  let received = '';
  socket.on('data', (chunk) => (received += chunk.toString('latin1')));
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => void socket.once('close', () => resolve()));
  await new Promise<void>((connected) => void socket.once('connect', connected));
  return { socket, received: () => received, closed };
}

describe('malformed requests', () => {
  test.each([
    ['no HTTP at all', 'EHLO registry\r\n\r\n', 400],
    ['TLS on a plain port', Buffer.from('16030100050100000100', 'hex'), 400],
    ['a NUL in the path', 'GET /v2/a\0b/tags/list HTTP/1.1\r\nHost: localhost\r\n\r\n', 400],
    ['a NUL in a header', 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-A: a\0b\r\n\r\n', 400],
    ['a header without end', `GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-A: ${'a'.repeat(70_000)}\r\n\r\n`, 431],
    ['a path without end', `GET /v2/${'a'.repeat(70_000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`, 431],
    [
      'two lengths',
      'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
    ],
    ['a negative length', 'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n', 400],
    [
      'a length beside chunks',
      'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
      400,
    ],
    ['no host', 'GET /v2/ HTTP/1.1\r\n\r\n', 400],
    ['two hosts', 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nhost: localhost\r\nConnection: close\r\n\r\n', 400],
    [
      'a transfer coding beside chunks',
      'POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      501,
    ],
  ])('%s', async (_what, bytes, status) => {
    expect(await callRaw(berth, bytes)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
  });

  test.each(['%00', '%0a', '%2e%2e%2f', '..%2f..%2fetc%2fpasswd', '%ff', '%', '😀', 'a%5cb'])(
    'the name %j is refused',
    async (name) => {
      for (const path of [`/v2/${name}/tags/list`, `/v2/a/${name}/blobs/${digestOf('')}`]) {
        const answer = await call(berth, 'GET', encodeURI(path).replaceAll('%25', '%'));
        expect(answer.status).toBe(400);
        expect(answer.codes()).toEqual(['NAME_INVALID']);
      }
    },
  );
});

describe('bodies that contradict their headers', () => {
  test('bytes after the announced length do not belong to the blob', async () => {
    const blob = randomBytes(100);
    const { socket, received, closed } = await open();
    const head = `POST /v2/long/blobs/uploads/?digest=${digestOf(blob)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${blob.length}\r\n\r\n`;
    socket.write(Buffer.concat([Buffer.from(head), blob]));
    await until(() => received().includes(' 201 '));
    socket.write('these bytes are too many\r\n\r\n');
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 201 [^]*HTTP\/1\.1 400 /);
    expect((await call(berth, 'GET', `/v2/long/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true);
  });

  test('garbage after a request does not appear in the body of its response', async () => {
    const blob = randomBytes(40_000_000); // more than the buffers of both sockets hold
    await pushBlob(berth, 'nonsense', blob);
    const { socket, closed } = await open();
    const chunks: Buffer[] = [];
    socket.pause();
    socket.write(`GET /v2/nonsense/blobs/${digestOf(blob)} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    await until(() => socket.bytesWritten > 0);
    socket.write('nonsense\r\n\r\n');
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await closed;
    const received = Buffer.concat(chunks);
    const body = received.subarray(received.indexOf('\r\n\r\n') + 4).subarray(0, blob.length);
    expect(body.equals(blob.subarray(0, body.length))).toBe(true);
  });

  test('a chunked body with a broken chunk is incomplete, and the client gets 400', async () => {
    const digest = digestOf('abc');
    const request = `POST /v2/broken/blobs/uploads/?digest=${digest} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n`;
    expect(await callRaw(berth, `${request}3\r\nabc\r\nnonsense`)).toMatch(/^HTTP\/1\.1 400 [^]*UNSUPPORTED/);
    expect((await call(berth, 'GET', `/v2/broken/blobs/${digest}`)).status).toBe(404);
    await until(async () => (await growing()).length === 0);
  });

  test('a manifest that is larger than it announced is cut off at the limit', async () => {
    const { socket, received, closed } = await open();
    socket.write('PUT /v2/large/manifests/1 HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n');
    const block = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000, ' '), Buffer.from('\r\n')]);
    for (let sent = 0; sent < 16 && !socket.destroyed; sent++) socket.write(block);
    await closed;
    expect(received()).toMatch(/^HTTP\/1\.1 413 [^]*MANIFEST_INVALID/);
  });

  test('Expect: 100-continue is answered before the body, with the refusal if there is one', async () => {
    const request = (path: string) =>
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`;
    const wanted = await open();
    wanted.socket.write(request(`/v2/expect/blobs/uploads/?digest=${digestOf('abc')}`));
    await until(() => wanted.received().startsWith('HTTP/1.1 100 '));
    wanted.socket.write('abc');
    await wanted.closed;
    expect(wanted.received()).toContain('HTTP/1.1 201 ');

    const refused = await open();
    refused.socket.write(request('/v2/BAD/blobs/uploads/'));
    await refused.closed;
    expect(refused.received()).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('a client that disconnects', () => {
  test('in the middle of a monolithic upload leaves nothing', async () => {
    const blob = randomBytes(500_000);
    for (let round = 0; round < 20; round++) {
      const { socket } = await open();
      socket.write(
        `POST /v2/gone/blobs/uploads/?digest=${digestOf(blob)} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${blob.length}\r\n\r\n`,
      );
      socket.write(blob.subarray(0, round * 20_000));
      socket.destroy();
    }
    await until(async () => (await growing()).length === 0);
    expect((await call(berth, 'HEAD', `/v2/gone/blobs/${digestOf(blob)}`)).status).toBe(404);
  });

  test('lets the next request of the same upload continue with the bytes that arrived', async () => {
    const location = await startUpload(berth, 'shared');
    const { socket } = await open();
    const arriving = randomBytes(9_000_000); // more than a part: then a bucket too has something to show
    socket.write(`PATCH ${location} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000\r\n\r\n`);
    socket.write(arriving);
    await until(async () => socket.writableLength === 0 && (await growing()).length > 0);
    const finishing = call(berth, 'PUT', `${location}?digest=${digestOf(arriving)}`, { body: '' });
    socket.destroy();
    expect((await finishing).status).toBe(201);
  });
});

test('requests in one packet are answered in their order, whatever the sizes of the answers', async () => {
  const blob = randomBytes(3_000_000);
  await pushBlob(berth, 'pipeline', blob);
  const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n${more}\r\n`;
  const path = `/v2/pipeline/blobs/${digestOf(blob)}`;
  const { socket, closed } = await open();
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.write(get('/v2/') + get(path) + get('/v2/pipeline/tags/list') + get(path, 'Connection: close\r\n'));
  await closed;
  const all = Buffer.concat(chunks);
  const first = all.indexOf(blob);
  const second = all.indexOf(blob, first + blob.length);
  expect(first).toBeGreaterThan(0);
  expect(second).toBeGreaterThan(first + blob.length);
  expect(all.subarray(second + blob.length)).toHaveLength(0);
  expect(all.subarray(first + blob.length, second).toString('latin1')).toMatch(/^HTTP\/1\.1 (?:404|200) [^]*HTTP\/1\.1 200 /);
});

test('a request is not carried out behind a response that closes the connection', async () => {
  const handled: (string | undefined)[] = [];
  const server = createServer();
  followExchanges(server).serve(({ url }, response) => {
    handled.push(url);
    setImmediate(() => response.writeHead(200, url === '/last' ? { Connection: 'close' } : {}).end());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.resume();
  socket.write(['/first', '/last', '/behind'].map((path) => `DELETE ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`).join(''));
  await once(socket, 'close');
  await new Promise((closed) => server.close(closed));
  expect(handled).toEqual(['/first', '/last']);
});

describe('a client that sends requests and reads no response', () => {
  const bytes = Buffer.alloc(30_000_000, 'x'); // more than the buffers of both sockets hold
  const digest = digestOf(bytes);
  const request = `GET /v2/unread/blobs/${digest} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
  const filesOf = async (name: string) => {
    const links = (await readdir('/proc/self/fd')).map((file) => readlink(`/proc/self/fd/${file}`).catch(() => ''));
    return (await Promise.all(links)).filter((link) => link.includes(name)).length;
  };
  beforeAll(() => pushBlob(berth, 'unread', bytes));

  test('has one of them handled at a time', async () => {
    const { socket, received } = await open();
    socket.write(request.repeat(50));
    await until(() => received().length > 0);
    socket.pause();
    expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
    // The file of a response that has ended may still be closing.
    await until(async () => (await filesOf(digest.slice('sha256:'.length))) < 2);
    socket.destroy();
  });

  test('is disconnected if more than 100 of them wait', async () => {
    const { socket, closed } = await open();
    socket.write(request.repeat(1000));
    await closed;
    expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
  });
});
