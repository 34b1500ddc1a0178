import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import { bypass } from '../../../src/mirror/fills/bypass.ts';
import { UpstreamError } from '../../../src/upstream/upstream-error.ts';
import { digestOf } from '../../support/images.ts';

const bytes = randomBytes(1000);
/** Bytes that are in the file already. */
const keptBytes = 100;

/** How the upstream answers a request for the bytes from `first` on. */
type Answer = (first: number) => IncomingMessage;

const respond = (first: number, body: Buffer, isCut: boolean) => {
  function* pieces() {
    for (let at = 0; at < body.length; at += 64) yield body.subarray(at, at + 64);
    if (isCut) throw new Error('the connection broke');
  }
  const headers = { 'content-range': `bytes ${first}-999/1000` };
  return Object.assign(Readable.from(pieces()), { statusCode: 206, headers }) as unknown as IncomingMessage;
};
const rest: Answer = (first) => respond(first, bytes.subarray(first), false);
const cutAfter =
  (length: number): Answer =>
  (first) =>
    respond(first, bytes.subarray(first, first + length), true);
const fail: Answer = () => {
  throw new UpstreamError('unreachable', 'no connection');
};
const lie: Answer = (first) => respond(first, Buffer.alloc(1000 - first), false);

/** Reads the range through the bypass; resolves to what came, whether it was cut off, and the bytes that were requested. */
async function read(answers: readonly Answer[], range = { first: 0, last: 999 }) {
  const asked: number[] = [];
  const received: Buffer[] = [];
  const fetch = async (first: number) => {
    await Promise.resolve();
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? rest;
    asked.push(first);
    return answer(first);
  };
  const { signal } = new AbortController();
  const hash = createHash('sha256').update(bytes.subarray(0, keptBytes));
  const onReceived = () => Promise.resolve();
  const options = { digest: digestOf(bytes), sizeBytes: 1000, keptBytes, hash, fetch, onReceived, signal };
  const clock = { now: () => 0, sleep: () => Promise.resolve() };
  const isCut = await (async () => {
    for await (const chunk of bypass(options, range, clock)) received.push(Buffer.from(chunk));
  })().then(
    () => false,
    () => true,
  );
  return { body: Buffer.concat(received), isCut, asked };
}

test('a client of a full disk gets one whole body from an upstream that breaks off and cannot be reached for a while', async () => {
  const { body, isCut, asked } = await read([cutAfter(300), fail, fail, cutAfter(10), fail, rest]);
  expect([body.equals(bytes.subarray(keptBytes)), isCut]).toEqual([true, false]);
  expect(asked).toEqual([100, 400, 400, 400, 410, 410]);
});

test('a range is cut out of it', async () => {
  const { body } = await read([cutAfter(300), rest], { first: 350, last: 449 });
  expect(body.equals(bytes.subarray(350, 450))).toBe(true);
});

test('an upstream that brings nothing any more cuts the client off', async () => {
  const { body, isCut, asked } = await read([cutAfter(300), fail]);
  expect([isCut, asked.length, bytes.subarray(keptBytes).subarray(0, body.length).equals(body)]).toEqual([true, 6, true]);
});

test('the last bytes of a wrong blob are withheld, also after a break', async () => {
  const { body, isCut } = await read([cutAfter(300), lie]);
  expect([isCut, body.length < bytes.length - keptBytes]).toEqual([true, true]);
});
