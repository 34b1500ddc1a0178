import type { ServerResponse } from 'node:http';

/** The client closed the connection before its request or its response was complete. Neither logged nor answered. */
export class ClientGone extends Error {
  override readonly name = 'ClientGone';

  constructor(options?: ErrorOptions) {
    super('the client closed the connection', options);
  }
}

/** Returns a signal that is aborted, with `ClientGone`, when the connection ends before the response is complete. */
export function departureOf(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) gone.abort(new ClientGone());
  });
  return gone.signal;
}
