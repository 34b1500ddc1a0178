import type { ServerResponse } from 'node:http';
import type { OciErrorCode } from '../../oci/errors.ts';
import type { ErrorFormat } from './boundary.ts';
import type { ClassifiedError } from './classify.ts';
import { sendJson } from './json.ts';

/** docker shows only the status line of a server error, and does not try again after these words. */
const reasons: Partial<Record<OciErrorCode, string>> = { INSUFFICIENT_STORAGE: 'no space left on device' };

/** Errors as the registry protocol has them: `{"errors": [{"code", "message", "detail"}]}`. */
export const ociFormat: ErrorFormat = {
  render(response, error, requestId) {
    sendOciError(response, error, ociErrorBody(error, requestId));
  },
};

/** Sends `body` with the status of the error. */
export function sendOciError(response: ServerResponse, { status, code }: ClassifiedError, body: object): void {
  const reason = reasons[code];
  if (reason !== undefined) response.statusMessage = reason;
  sendJson(response, status, body);
}

/** Returns the body. The request id leads an operator from an `INTERNAL` error to its cause in the log. */
export function ociErrorBody({ code, entries }: Pick<ClassifiedError, 'code' | 'entries'>, requestId: string): object {
  const found = code === 'INTERNAL' ? { requestId } : undefined;
  return {
    errors: entries.map(({ message, detail = found }) => ({ code, message, ...(detail === undefined ? {} : { detail }) })),
  };
}
