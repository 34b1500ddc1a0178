import { expect, test } from '@jest/globals';
import { toMirrorError } from '../../src/mirror/mirror-error.ts';
import type { MirroredRepository } from '../../src/mirror/names/routing.ts';
import { UpstreamError, type UpstreamErrorCode } from '../../src/mirror/upstream/upstream-error.ts';
import { OciError } from '../../src/oci/errors.ts';
import { logRequest } from '../../src/assembly/request-log.ts';

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
