import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { toMirrorError } from '../../src/mirror/mirror-error.ts';
import type { MirroredRepository } from '../../src/mirror/names/routing.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/upstream/upstream-error.ts';
import { OciError } from '../../src/oci/errors.ts';
import type { RequestRecord } from '../../src/http/server/request-record.ts';
import { createLineBuffer } from '../../src/observability/line-buffer.ts';
import { createLogOn } from '../../src/observability/log.ts';
import { logRequest } from '../../src/assembly/observability/request-log.ts';

const record = {
  requestId: '1',
  client: '127.0.0.1',
  method: 'GET',
  url: '/v2/ghcr.io/o/i/manifests/1',
  status: 502,
  bytesReceived: 0,
  bytesSent: 0,
  bodyBytesSent: 0,
  milliseconds: 1,
  complete: true,
};
const source = { upstream: { name: 'ghcr.io' }, hasFallback: false } as MirroredRepository;

/** The lines that a request with this error writes. */
function linesOf(error: unknown): readonly { readonly level: string; readonly fields: object; readonly message: string }[] {
  const lines: { level: string; fields: object; message: string }[] = [];
  const write = (level: string) => (fields: object, message: string) => void lines.push({ level, fields, message });
  logRequest({ info: write('info'), warn: write('warn'), error: write('error') } as never, { ...record, error });
  return lines;
}

const fromUpstream = (code: UpstreamErrorCode, message: string, cause?: Error) =>
  toMirrorError(new UpstreamError(code, message, { cause }), source, 'MANIFEST_UNKNOWN');

test.each<[string, string, unknown, string, string]>([
  [
    'an upstream cannot be reached',
    'warn',
    fromUpstream('unreachable', 'no connection (ECONNREFUSED)', new Error('connect ECONNREFUSED 127.0.0.1:1')),
    'BAD_GATEWAY',
    'ghcr.io: no connection (ECONNREFUSED): connect ECONNREFUSED 127.0.0.1:1',
  ],
  [
    'an upstream limits pulls',
    'warn',
    fromUpstream('limited', 'it limits how much may be pulled'),
    'TOOMANYREQUESTS',
    'ghcr.io: it limits how much may be pulled',
  ],
  [
    'a download breaks off after the headers',
    'warn',
    new UpstreamError('failed', 'the download broke off again and again', { cause: new UpstreamError('failed', 'status 500') }),
    'failed',
    'the download broke off again and again: status 500',
  ],
  [
    'an image does not exist',
    'info',
    fromUpstream('not_found', 'not found'),
    'MANIFEST_UNKNOWN',
    'ghcr.io does not have it: not found',
  ],
  ['a client is refused', 'info', new OciError('DENIED'), 'DENIED', 'requested access to the resource is denied'],
  [
    'the disk is full',
    'error',
    new OciError('INSUFFICIENT_STORAGE', { cause: new Error('ENOSPC') }),
    'INSUFFICIENT_STORAGE',
    'the registry has no space left: ENOSPC',
  ],
])('when %s, the log has one line of level %s without a stack', (_, level, error, code, reason) => {
  const lines = linesOf(error);
  expect(lines).toEqual([{ level, fields: { ...record, code, reason }, message: expect.any(String) as unknown }]);
});

test('an unexpected error is logged with its stack, and a request without an error at level info', () => {
  const error = new TypeError('x is undefined');
  expect(linesOf(error)).toEqual([{ level: 'error', fields: { ...record, err: error }, message: 'request failed' }]);
  expect(linesOf(undefined)).toEqual([{ level: 'info', fields: record, message: 'request' }]);
});

const awkward = ['"', '\\', 'a\nb', '\u0000\u001b[31m', '\u007f', 'é', '\u202e', '\u{1f4e6}', '/v2/é?x="y"', ''];

test.each<[string, Partial<RequestRecord>]>([
  ['a client without a login', {}],
  ['an account and a user agent', { account: 'admin', userAgent: 'docker/28.5 (linux)' }],
  ['a mirrored repository', { upstream: 'ghcr.io', cache: 'HIT' }],
  ...awkward.map((text): [string, Partial<RequestRecord>] => [
    `the text ${JSON.stringify(text)}`,
    { url: text, userAgent: text },
  ]),
])('the line of a request without an error is the line that pino writes: %s', (_, fields) => {
  const lines: string[] = [];
  const write = (line: string) => void lines.push(line.replace(/"time":"[^"]*"/, ''));
  const log = createLogOn({ write }, { level: 'info', worker: 2 });
  const { requestId, client, ...rest } = record;
  const complete: RequestRecord = { requestId, client, account: undefined, userAgent: undefined, ...rest, ...fields };
  logRequest(log, complete);
  log.info(complete, 'request');
  expect(lines[0]).toBe(lines[1]);
  expect(JSON.parse(lines[0]?.replace(',,', ',') ?? '')).toMatchObject({ level: 'info', worker: 2, ...fields, msg: 'request' });
});

test('a log of level warn has no lines of requests without an error', () => {
  const lines: string[] = [];
  const log = createLogOn({ write: (line) => void lines.push(line) }, { level: 'warn' });
  logRequest(log, record);
  expect(lines).toEqual([]);
});

describe('lines that wait to be written', () => {
  let written: string[];
  const open = (maxBytes: number) => {
    written = [];
    return createLineBuffer((lines) => void written.push(lines.toString()), { maxBytes, maxWaitMilliseconds: 200 });
  };
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  test('are written together when the time is over, and then the next ones', () => {
    const buffer = open(1000);
    buffer.add('one\n');
    buffer.add('zwölf\n');
    jest.advanceTimersByTime(199);
    expect(written).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(written).toEqual(['one\nzwölf\n']);
    buffer.add('three\n');
    jest.advanceTimersByTime(200);
    expect(written).toEqual(['one\nzwölf\n', 'three\n']);
  });

  test('are never cut, however long they are and whatever they contain', () => {
    const buffer = open(30);
    const lines = ['é'.repeat(9), '\u{1f4e6}'.repeat(5), 'x'.repeat(100), 'end'].map((text) => `${text}\n`);
    for (const line of lines) buffer.add(line);
    buffer.flush();
    expect(written.join('')).toBe(lines.join(''));
    expect(written.every((text) => text.endsWith('\n'))).toBe(true);
  });
});
