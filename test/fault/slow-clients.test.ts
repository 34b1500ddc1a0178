import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile, readdir, truncate } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { blobKey } from '../../storage/blobs/layout.ts';
import { requireDigest } from '../../src/http/v2/request-context.ts';
import { type BerthProcess, startBerthProcess } from '../support/berth-process.ts';
import { call } from '../support/call.ts';
import { digestOf, pushBlob } from '../support/images.ts';
import { until } from '../support/until.ts';

const clients = 200;
/** More than the buffers of both sockets hold: a client that does not read holds its transfer up. */
const blob = randomBytes(24 * 1024 * 1024);
const path = `/v2/slow/blobs/${digestOf(blob)}`;

let berth: BerthProcess;
beforeAll(async () => {
  berth = await startBerthProcess();
  await pushBlob(berth, 'slow', blob);
});
afterAll(() => berth.dispose());

/** Asks for the blob and takes nothing of it yet. */
async function ask(): Promise<Socket> {
  const socket = connect(berth.port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  await new Promise<void>((connected) => void socket.once('connect', connected));
  socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
  return socket;
}

async function readAll(socket: Socket): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  const all = Buffer.concat(chunks);
  return all.subarray(all.indexOf('\r\n\r\n') + 4);
}

const openFiles = async () => (await readdir(`/proc/${berth.pid()}/fd`)).length;

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${berth.pid()}/status`, 'utf8');
  return Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) * 1024;
}

test('200 slow clients cost little memory each, delay no other client, and get every byte', async () => {
  const [filesBefore, memoryBefore] = [await openFiles(), await residentBytes()];
  const sockets = await Promise.all(Array.from({ length: clients }, ask));
  await until(async () => (await openFiles()) >= filesBefore + 2 * clients);
  expect((await residentBytes()) - memoryBefore).toBeLessThan(clients * 384 * 1024);
  expect((await call(berth, 'GET', path)).body.equals(blob)).toBe(true);
  for (const socket of sockets.slice(0, 3)) expect((await readAll(socket)).equals(blob)).toBe(true);
  for (const socket of sockets) socket.destroy();
  await until(async () => (await openFiles()) <= filesBefore + 2);
});

test('clients that disconnect during a transfer leave no open file', async () => {
  const before = await openFiles();
  for (let round = 0; round < 10; round++) {
    const sockets = await Promise.all(Array.from({ length: 20 }, ask));
    for (const socket of sockets) socket.once('readable', () => void socket.read(1000));
    for (const socket of sockets.slice(10)) socket.destroy();
    for (const socket of sockets) socket.destroy();
  }
  await until(async () => (await openFiles()) <= before + 2);
});

test('a blob whose file is truncated during the transfer arrives short, and the connection is closed', async () => {
  const socket = await ask();
  await once(socket, 'readable');
  await truncate(join(berth.directory, blobKey(requireDigest(digestOf(blob)))), 20_000_000);
  expect((await readAll(socket)).equals(blob.subarray(0, 20_000_000))).toBe(true);
});

test('a blob whose file is shorter than recorded is an error before the first byte', async () => {
  const short = randomBytes(1_000_000);
  const digest = await pushBlob(berth, 'short', short);
  await truncate(join(berth.directory, blobKey(requireDigest(digest))), 600_000);
  const answer = await call(berth, 'GET', `/v2/short/blobs/${digest}`);
  expect([answer.status, answer.codes()]).toEqual([500, ['INTERNAL']]);
  expect(answer.body.toString()).toContain('600000 instead of 1000000 bytes');
  expect((await call(berth, 'GET', '/v2/')).status).toBe(200);
});
