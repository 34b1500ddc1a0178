import type { IncomingMessage, ServerResponse } from 'node:http';
import { sendError } from '../errors/boundary.ts';
import { problemFormat } from '../errors/problem.ts';

type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/**
 * Returns a listener that calls `open` at its first request and passes this request and all others to the listener that it
 * resolves to. If `open` rejects, the requests that waited for it get an error, and the next one tries again.
 */
export function onFirstRequest(open: () => Promise<RequestListener>): RequestListener {
  let opened: RequestListener | undefined;
  let opening: Promise<RequestListener> | undefined;

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      opened = await (opening ??= open());
    } catch (error) {
      opening = undefined;
      sendError(request, response, error, problemFormat);
      return;
    }
    opened(request, response);
  }

  return (request, response) => {
    if (opened) opened(request, response);
    else void pass(request, response);
  };
}
