import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { ErrorFormat } from './boundary.ts';
import { sendJson } from './json.ts';

/** Errors as RFC 9457 has them: `application/problem+json`. */
export const problemFormat: ErrorFormat = {
  render(response, { status, code, message }, requestId) {
    problem(
      response,
      status,
      code === 'INTERNAL' ? `${message}: the log names the cause, with request id ${requestId}` : message,
    );
  },
};

/** Sends a problem whose title is the status's own. */
export function problem(response: ServerResponse, status: number, detail: string): void {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail };
  sendJson(response, status, body, 'application/problem+json; charset=utf-8');
}
