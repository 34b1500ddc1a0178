import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { download } from '../../../src/mirror/fills/download.ts';
import type { OtherCopies } from '../../../src/mirror/fills/other-copies.ts';
import { openPartialBlob, verify } from '../../../src/mirror/fills/partial-blob.ts';
import { UpstreamError } from '../../../src/upstream/upstream-error.ts';
import type { OpenObject } from '../../../storage/blobs/driver.ts';
import { digestOf } from '../../support/images.ts';

const bytes = randomBytes(1000);
const digest = digestOf(bytes);

let scratch: string;
beforeEach(async () => {
  scratch = await mkdtemp(join(tmpdir(), 'berth-download-'));
});
afterEach(() => rm(scratch, { recursive: true }));

/** One answer of the upstream to a request for the blob from the byte `first` on. */
type Answer = (first: number, signal: AbortSignal) => IncomingMessage | Promise<IncomingMessage>;

function respond(statusCode: number, headers: object, body: Buffer, isCut = false): IncomingMessage {
  function* pieces() {
    yield body;
    if (isCut) throw new Error('the connection broke');
  }
  return Object.assign(Readable.from(pieces()), { statusCode, headers }) as unknown as IncomingMessage;
}

const part = (first: number, length = bytes.length, total = '1000') =>
  respond(206, { 'content-range': `bytes ${first}-999/${total}` }, bytes.subarray(first, first + length), length < bytes.length);
const whole = () => respond(200, { 'content-length': '1000' }, bytes);
const rest: Answer = (first) => (first === 0 ? whole() : part(first));
/** Sends the first 400 bytes, then breaks off. */
const cut: Answer = () => respond(200, { 'content-length': '1000' }, bytes.subarray(0, 400), true);
const page = Buffer.alloc(1000, '<html>');
const failing =
  (error: UpstreamError): Answer =>
  () => {
    throw error;
  };

interface Run {
  readonly answers: readonly Answer[];
  readonly otherCopies?: OtherCopies;
  readonly proveStored?: () => Promise<unknown>;
  readonly promisedBytes?: number;
  readonly idleSeconds?: number;
}

/** Downloads from an upstream that gives these answers and then the last one; resolves to the first bytes that were asked for. */
async function run({ answers, promisedBytes, idleSeconds = 30, ...run }: Run): Promise<readonly number[]> {
  const asked: number[] = [];
  let time = 0;
  /** Each sleep takes a turn of the event loop. */
  const sleep = async (milliseconds: number, until: AbortSignal) => {
    await nextTurn();
    until.throwIfAborted();
    time += milliseconds;
  };
  const clock = { now: () => time, sleep };
  const blob = await openPartialBlob(join(scratch, 'blob'), digest, promisedBytes);
  const fetch = async (first: number, signal: AbortSignal) => {
    await Promise.resolve();
    const answer = answers[Math.min(asked.length, answers.length - 1)] ?? whole;
    asked.push(first);
    return answer(first, signal);
  };
  const nothing = () => undefined;
  const { signal } = new AbortController();
  const onReceived = () => Promise.resolve();
  const proveStored = run.proveStored ?? (() => Promise.resolve());
  const events = { onBegin: nothing, onResume: nothing, onCopied: nothing, onReceived };
  try {
    await download(blob, { ...run, promisedBytes, fetch, proveStored, signal, idleSeconds, ...events }, clock);
    verify(blob.hashed(), digest);
  } finally {
    await blob.close();
  }
  return asked;
}

describe('a download that broke off goes on', () => {
  test.each<[string, Answer]>([
    ['a Content-Range without the whole size', (first) => part(first, 1000, '*')],
    ['a web page of another size', () => respond(200, { 'content-length': '7' }, Buffer.from('<html/>'))],
    ['a web page of the same size', () => respond(200, { 'content-length': '1000' }, page)],
    ['a web page without a size', () => respond(200, { 'content-type': 'text/html' }, page)],
    ['a 416', failing(new UpstreamError('bad_content', 'status 416', { status: 416 }))],
    ['a 404', failing(new UpstreamError('not_found', 'not found'))],
    ['a login that is refused for a moment', failing(new UpstreamError('login_refused', 'status 401'))],
    ['a limit that ends soon', failing(new UpstreamError('limited', 'status 429', { retryAfterSeconds: 5 }))],
  ])('after %s', async (_, answer) => {
    const asked = await run({ answers: [cut, answer, rest] });
    expect(asked.slice(0, 2)).toEqual([0, 400]);
  });

  test('by the whole blob, from an upstream that answers every range wrongly', async () => {
    const refused = failing(new UpstreamError('bad_content', 'status 416'));
    expect(await run({ answers: [cut, refused, refused, whole] })).toEqual([0, 400, 400, 0]);
  });

  test('for as long as an upstream may rest, however often it fails meanwhile', async () => {
    const away = failing(new UpstreamError('unreachable', 'no connection (ECONNREFUSED)'));
    const asked = await run({ answers: [cut, ...Array<Answer>(12).fill(away), rest] });
    expect(asked).toEqual([0, ...Array<number>(13).fill(400)]);
    await rm(join(scratch, 'blob'));
    await expect(run({ answers: [cut, away], idleSeconds: 10 })).rejects.toMatchObject({ code: 'failed' });
  });

  test('but not from an upstream that has it no longer, nor from one whose limit lasts longer', async () => {
    const gone = failing(new UpstreamError('not_found', 'not found'));
    await expect(run({ answers: [cut, gone, gone, gone, gone, gone, rest] })).rejects.toMatchObject({ code: 'failed' });
    const limited = failing(new UpstreamError('limited', 'enough', { retryAfterSeconds: 60 }));
    await expect(run({ answers: [limited, rest] })).rejects.toMatchObject({ code: 'limited' });
    const asked = run({ answers: [cut, limited, rest] });
    await expect(asked).rejects.toMatchObject({ code: 'failed' });
  });
});

describe('a blob that another upstream has too', () => {
  /** A copy that has these bytes. */
  function object(held: Buffer, first: number): OpenObject {
    const close = () => Promise.resolve();
    const stream = () => Readable.from([held.subarray(first)]);
    return { sizeBytes: bytes.length, range: { first, last: bytes.length - 1 }, stream, close };
  }
  const none: OtherCopies = {
    isStored: () => Promise.resolve(false),
    openStored: () => Promise.resolve(undefined),
    openFurther: () => undefined,
  };
  /** Sends 400 bytes, then nothing more until the request is aborted. */
  const hanging: Answer = (_first, signal) => {
    async function* pieces() {
      yield bytes.subarray(0, 400);
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    }
    const headers = { 'content-length': '1000' };
    return Object.assign(Readable.from(pieces()), { statusCode: 200, headers }) as unknown as IncomingMessage;
  };
  const silent: Answer = (_first, signal) =>
    new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error)));
  const refused = failing(new UpstreamError('denied', 'status 403'));
  const opened: number[] = [];
  const stored: OtherCopies = {
    ...none,
    isStored: () => Promise.resolve(true),
    openStored: (first) => {
      opened.push(first);
      return Promise.resolve(object(bytes, first));
    },
  };
  beforeEach(() => void opened.splice(0));

  test('comes from the store as soon as it is stored, while its own upstream rests', async () => {
    expect(await run({ answers: [hanging], otherCopies: stored })).toEqual([0]);
    expect(opened).toEqual([400]);
  });

  test('comes from the store also where its own upstream has not answered, if that one may serve it', async () => {
    expect(await run({ answers: [silent], otherCopies: stored })).toEqual([0]);
    expect(opened).toEqual([0]);
    await rm(join(scratch, 'blob'));
    const answers: Answer[] = [
      async () => {
        for (let turn = 0; turn < 10; turn++) await nextTurn();
        return rest(0, new AbortController().signal);
      },
    ];
    const proveStored = () => Promise.reject(new UpstreamError('not_found', 'not found'));
    opened.splice(0);
    expect(await run({ answers, otherCopies: stored, proveStored })).toEqual([0]);
    expect(opened).toEqual([]);
  });

  test('goes on with the bytes of the other download where its own upstream fails for good', async () => {
    const asked: number[] = [];
    const openFurther = (first: number) => {
      asked.push(first);
      return first < 900 ? object(bytes.subarray(0, 900), first) : undefined;
    };
    const otherCopies = { ...none, openFurther };
    // After the other download has broken off too, its own upstream is asked again.
    const answers = [cut, ...Array<Answer>(5).fill(refused), rest];
    expect((await run({ answers, otherCopies })).at(-1)).toBe(900);
    expect(asked).toEqual([400]);
    await rm(join(scratch, 'blob'));
    await expect(run({ answers: [cut, refused], otherCopies })).rejects.toMatchObject({ code: 'failed' });
  });

  test('is refused where the bytes of both together have another digest', async () => {
    const wrong = Buffer.alloc(1000, 'x');
    const otherCopies = { ...none, openFurther: (first: number) => object(wrong, first) };
    await expect(run({ answers: [cut, refused], otherCopies })).rejects.toMatchObject({ code: 'bad_content' });
  });

  test('takes nothing from a download of another size', async () => {
    const otherCopies = { ...none, openFurther: (first: number) => ({ ...object(bytes, first), sizeBytes: 2000 }) };
    await expect(run({ answers: [cut, refused], otherCopies })).rejects.toMatchObject({ code: 'failed' });
  });
});

describe('before the first byte', () => {
  test('a single web page is asked for again, a second one is the answer', async () => {
    const wrong: Answer = () => respond(200, { 'content-length': '1000', 'content-type': 'text/html' }, page);
    expect(await run({ answers: [wrong, whole] })).toEqual([0, 0]);
    await rm(join(scratch, 'blob'));
    await expect(run({ answers: [wrong, wrong, whole] })).rejects.toMatchObject({ code: 'bad_content' });
  });

  test('what a former download left is dropped where it is not the beginning of the blob', async () => {
    await writeFile(join(scratch, 'blob'), bytes.subarray(0, 100));
    expect(await run({ answers: [rest] })).toEqual([100]);
    await writeFile(join(scratch, 'blob'), bytes.subarray(0, 100));
    const ignoresRanges = await run({ answers: [whole] });
    expect(ignoresRanges).toEqual([100]);
  });
});
