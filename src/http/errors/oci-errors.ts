import type { IncomingMessage, ServerResponse } from 'node:http';
import { OciError, type OciErrorCode } from '../../oci/errors.ts';
import { ClientGone } from './client-gone.ts';

/** What docker shows of a server error is its status line alone; at these words it does not try again. */
const reasons: Partial<Record<OciErrorCode, string>> = { INSUFFICIENT_STORAGE: 'no space left on device' };

/**
 * The one place where an error becomes a response. After headers were sent nothing can be said any more: the socket is
 * cut, so that the client sees a short body and never an error appended to it.
 */
export function sendError(request: IncomingMessage, response: ServerResponse, error: unknown, requestId: string): void {
  if (response.headersSent || error instanceof ClientGone) {
    response.destroy();
    return;
  }
  const readable = error instanceof OciError ? error : internalError(error, requestId);
  response.removeHeader('Content-Range');
  for (const [name, value] of Object.entries(readable.headers)) response.setHeader(name, value);
  response.removeHeader('ETag');
  response.removeHeader('Cache-Control');
  const reason = reasons[readable.code];
  if (reason !== undefined) response.statusMessage = reason;
  if (!request.complete) response.setHeader('Connection', 'close');
  sendJson(response, readable.status, readable.body());
}

/** Nothing of the cause is shown: the request id leads an operator to it in the log. */
function internalError(cause: unknown, requestId: string): OciError {
  return new OciError('INTERNAL', { detail: { requestId }, cause });
}

export function sendJson(response: ServerResponse, status: number, body: unknown, contentType = 'application/json'): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.statusCode = status;
  response.setHeader('Content-Type', contentType);
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}
