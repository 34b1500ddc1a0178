import type { ServerResponse } from 'node:http';
import { STATUS_CODES } from '../../platform/http.ts';
import type { ErrorFormat } from './boundary.ts';
import type { ClassifiedError } from './classify.ts';
import { sendJson } from './json.ts';

/** Errors as RFC 9457 has them: `application/problem+json`. */
export const problemFormat: ErrorFormat = {
  render(response, { status, code, message, entries }, requestId) {
    problem(
      response,
      status,
      code === 'INTERNAL' ? `${message}: the log names the cause, with request id ${requestId}` : message,
      fieldErrors(entries),
    );
  },
};

/** Where an error of a request is: `pointer` names a field of the body (`#` all of it), `parameter` one of the path or query. */
export type ErrorPlace = { readonly pointer: string } | { readonly parameter: string };

/** One error of a request (RFC 9457, section 3). */
export type FieldError = ErrorPlace & { readonly detail: string };

/** Sends a problem with the standard title of its status, without an empty `errors`. */
export function problem(response: ServerResponse, status: number, detail: string, errors: readonly FieldError[] = []): void {
  const title = STATUS_CODES[status] ?? '';
  const body = { type: 'about:blank', title, status, detail, ...(errors.length > 0 ? { errors } : {}) };
  sendJson(response, status, body, 'application/problem+json; charset=utf-8');
}

/** Returns the entries whose detail names a field of the request. */
function fieldErrors(entries: ClassifiedError['entries']): readonly FieldError[] {
  return entries.flatMap(({ message, detail }) => (isPlace(detail) ? [{ ...detail, detail: message }] : []));
}

function isPlace(detail: unknown): detail is ErrorPlace {
  return typeof detail === 'object' && detail !== null && ('pointer' in detail || 'parameter' in detail);
}
