import { expect, test } from '@jest/globals';
import { classify } from '../../src/http/errors/classify.ts';
import { ociErrorBody } from '../../src/http/errors/oci-errors.ts';
import { OciError, type OciErrorCode, ociErrors, serverErrors } from '../../src/oci/errors.ts';

/** distribution-spec, "Error Codes": code-1 … code-14, and the status that each usually has. */
const specified: Readonly<Record<string, number>> = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 404,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  SIZE_INVALID: 400,
  UNAUTHORIZED: 401,
  DENIED: 403,
  UNSUPPORTED: 405,
  TOOMANYREQUESTS: 429,
};

test('the codes are those of the spec, no more and no less', () => {
  const ours = Object.entries(ociErrors).map(([code, { status }]) => [code, status]);
  expect(Object.fromEntries(ours)).toEqual(specified);
});

test('what is our own fault has a code that the spec does not use, and a status of 5xx', () => {
  for (const [code, { status }] of Object.entries(serverErrors)) {
    expect(Object.keys(specified)).not.toContain(code);
    expect(Math.floor(status / 100)).toBe(5);
  }
});

test.each(Object.keys({ ...ociErrors, ...serverErrors }))('%s has the form of the spec', (code) => {
  const error = new OciError(code as OciErrorCode, { detail: { a: 1 } });
  expect(ociErrorBody(classify(error), '')).toEqual({
    errors: [{ code, message: expect.stringMatching(/./), detail: { a: 1 } }],
  });
});
