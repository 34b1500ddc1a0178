import type { ErrorRequestHandler } from 'express';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { type ClassifiedError, classify } from './classify.ts';
import { ClientGone } from './client-gone.ts';

/** Format of the errors of a router. */
export interface ErrorFormat {
  /** Sends status and body; the headers of the error are set. */
  render(response: ServerResponse, error: ClassifiedError, requestId: string): void;
  /** `WWW-Authenticate` of a 401 that does not bring its own. */
  readonly challenge?: (request: IncomingMessage) => string;
}

const failures = new WeakMap<IncomingMessage, unknown>();

/** Returns the error that the request ended with, for its log line; undefined for none. */
export function failureOf(request: IncomingMessage): unknown {
  return failures.get(request);
}

/**
 * Ends a request with an error: notes it for the request's log line, and answers in the format of the router. After headers
 * were sent it cuts the socket, so that the client notices a truncated body instead of reading an error as content. `ClientGone`
 * is not answered, and the request's log line has no error.
 */
export function sendError(request: IncomingMessage, response: ServerResponse, error: unknown, format: ErrorFormat): void {
  const isGone = error instanceof ClientGone;
  if (!isGone) failures.set(request, error);
  if (isGone || response.headersSent) {
    response.destroy();
    return;
  }
  const classified = classify(error);
  // Before the headers of the error: a 416 sets its own.
  response.removeHeader('Content-Range');
  for (const [name, value] of Object.entries(classified.headers)) response.setHeader(name, value);
  if (classified.status === 401 && format.challenge !== undefined && !response.hasHeader('WWW-Authenticate'))
    response.setHeader('WWW-Authenticate', format.challenge(request));
  response.removeHeader('ETag');
  response.removeHeader('Docker-Content-Digest');
  response.removeHeader('Cache-Control');
  // The rest of the body is not read.
  if (!request.complete) response.setHeader('Connection', 'close');
  format.render(response, classified, String(response.getHeader('X-Request-Id') ?? ''));
}

/** Returns the error handler that ends the chain of an Express router. */
export function errorBoundary(format: ErrorFormat): ErrorRequestHandler {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars -- Express recognizes error handlers by their four parameters
  return (error: unknown, request, response, _next) => sendError(request, response, error, format);
}
