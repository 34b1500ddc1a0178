import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { Agent, request } from 'node:http';
import { type Socket, connect } from 'node:net';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf, pushBlob, pushImage, startUpload } from '../support/images.ts';
import { describeWith } from '../support/requires.ts';
import { run } from '../support/run.ts';
import { until } from '../support/until.ts';

/** Larger than what sockets buffer. */
const blob = randomBytes(3_000_000);

let berth: BerthProcess;
let sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets) socket.destroy();
  sockets = [];
});

/** Opens `count` connections and writes `head` on each. Those that berth refuses are closed. */
async function openConnections(count: number, head = ''): Promise<readonly Socket[]> {
  const opened: Socket[] = [];
  for (let begun = 0; begun < count; begun += 100) {
    const batch = Array.from({ length: Math.min(100, count - begun) }, async () => {
      const socket = connect(berth.port, '127.0.0.1').on('error', () => undefined);
      socket.resume();
      await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
      if (head !== '') socket.write(head);
      return socket;
    });
    opened.push(...(await Promise.all(batch)));
  }
  sockets.push(...opened);
  return opened;
}

/** A client pushes and pulls, and the probe answers. */
async function expectOthersServed(): Promise<void> {
  const image = await pushImage(berth, 'others/app', '1');
  expect((await call(berth, 'GET', '/v2/others/app/manifests/1')).body.toString()).toBe(image.manifest);
  expect((await call(berth, 'GET', `/v2/others/app/blobs/${digestOf(blob)}`)).body.equals(blob)).toBe(true);
  expect((await call(berth, 'GET', '/readyz')).status).toBe(200);
}

async function metric(name: string): Promise<number> {
  const text = (await call(berth, 'GET', '/metrics')).body.toString();
  return Number(
    text
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length) ?? NaN,
  );
}

const openFiles = async () => (await readdir(`/proc/${berth.pid()}/fd`)).length;

async function start(files: number): Promise<void> {
  // On a slow machine connections rest for long, and none may end by a time-out.
  berth = await startBerthProcess({ BERTH_HTTP_HEADERS_TIMEOUT: '10m', BERTH_HTTP_IDLE_TIMEOUT: '10m' }, [], files);
  await pushBlob(berth, 'others/app', blob);
}

describeWith(['prlimit'], 'a server with 20,000 open files', () => {
  // Node.js raises the limit of this process, which has the other ends, to what the system permits.
  beforeAll(() => start(20_000));
  afterAll(() => berth.dispose());

  test('others are served beside 10,000 idle connections, 100 half headers and 100 half bodies, and without them afterwards', async () => {
    const dropped = (reason: string) => metric(`berth_http_connections_dropped_total{reason="${reason}"}`);
    const before = await openFiles();
    const bodies: Socket[] = [];
    for (let upload = 0; upload < 100; upload++) {
      const path = await startUpload(berth, 'slow');
      bodies.push(...(await openConnections(1, `PATCH ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n`)));
    }
    await openConnections(7000);
    expect(await metric('berth_http_connections')).toBeGreaterThanOrEqual(7100);
    expect(await dropped('idle')).toBe(0);
    expect(berth.log()).not.toContain('too many connections');
    await expectOthersServed();

    await openConnections(3000);
    const half = await openConnections(100, 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-A: ');
    for (let byte = 0; byte < 3; byte++) {
      for (const socket of [...half, ...bodies]) socket.write('a');
      await expectOthersServed();
    }
    // 40 % of the open files: those that rest longest had to go, and none with a request.
    expect(await metric('berth_http_connections')).toBeLessThanOrEqual(8000);
    expect(await openFiles()).toBeLessThanOrEqual(before + 8000 + bodies.length + 100);
    expect(await dropped('idle')).toBeGreaterThanOrEqual(2200);
    expect(await dropped('refused')).toBe(0);
    expect(bodies.filter((socket) => socket.destroyed)).toHaveLength(0);
    expect(berth.log()).toContain('too many connections: those that rest longest are closed');

    for (const socket of sockets) socket.destroy();
    // Each upload keeps its file open for a while.
    await until(async () => (await openFiles()) <= before + bodies.length + 5);
    await expectOthersServed();
  }, 240_000);

  test('1,000 concurrent uploads of one client all end, and others are served meanwhile', async () => {
    const bytes = Array.from({ length: 1000 }, () => randomBytes(100));
    const locations: string[] = [];
    for (let begun = 0; begun < bytes.length; begun += 50)
      locations.push(...(await Promise.all(Array.from({ length: 50 }, () => startUpload(berth, 'many')))));
    const open = await Promise.all(
      locations.map(async (location, index) => {
        const path = location.slice(location.indexOf('/v2'));
        const [socket] = await openConnections(1, `PATCH ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n`);
        if (!socket) throw new Error('there is no connection');
        socket.write(bytes[index]?.subarray(0, 50) ?? '');
        return socket;
      }),
    );
    await expectOthersServed();
    const answered = open.map(async (socket) => String((await once(socket, 'data'))[0]).slice(0, 12));
    for (const [index, socket] of open.entries()) socket.write(bytes[index]?.subarray(50) ?? '');
    expect(new Set(await Promise.all(answered))).toEqual(new Set(['HTTP/1.1 202']));
    for (let begun = 0; begun < bytes.length; begun += 50) {
      const ended = locations.slice(begun, begun + 50).map(async (location, index) => {
        const digest = digestOf(bytes[begun + index] ?? '');
        return (await call(berth, 'PUT', `${location}?digest=${digest}`, { body: '' })).status;
      });
      expect(new Set(await Promise.all(ended))).toEqual(new Set([201]));
    }
  }, 240_000);
});

describeWith(['prlimit'], 'a server with 300 open files', () => {
  beforeAll(() => start(300));
  afterAll(() => berth.dispose());

  test('1,000 idle connections keep nobody out, and the log and the metrics tell of them', async () => {
    await openConnections(1000);
    await expectOthersServed();
    await openConnections(500, 'GET /v2/ HTTP/1.1\r\nHost: localhost\r\nX-A: ');
    await expectOthersServed();
    expect(await metric('berth_http_connections_dropped_total{reason="idle"}')).toBeGreaterThan(1000);
    expect(await metric('berth_http_connections')).toBeLessThanOrEqual(120);
    expect(berth.log()).toContain('too many connections: those that rest longest are closed');
  }, 240_000);

  test('without any file left /readyz and the answers name the reason, cached content is served, and it recovers by itself', async () => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (path: string) => get(agent, path);
    const limitTo = (files: number) => run('prlimit', ['--pid', `${berth.pid()}`, `--nofile=${files}:300`]);
    expect((await ask('/v2/others/app/manifests/1')).status).toBe(200);
    await limitTo(3);
    try {
      expect(await ask('/readyz')).toMatchObject({ status: 503, body: expect.stringContaining('too many open files') });
      expect(await ask(`/v2/others/app/blobs/${digestOf(blob)}`)).toMatchObject({
        status: 503,
        retryAfter: '5',
        body: expect.stringContaining('the registry has too many open files and connections: try again later'),
      });
      expect((await ask('/v2/others/app/manifests/1')).status).toBe(200);
      expect((await ask('/metrics')).status).toBe(200);
      await until(() => berth.log().includes('EMFILE: too many open files'));
    } finally {
      await limitTo(300);
      agent.destroy();
    }
    await expectOthersServed();
  }, 240_000);
});

function get(agent: Agent, path: string): Promise<{ status: number; retryAfter: unknown; body: string }> {
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port: berth.port, path, agent }, (response) => {
      let body = '';
      response.setEncoding('latin1').on('data', (chunk: string) => (body += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'], body }));
    });
    outgoing.on('error', reject).end();
  });
}
