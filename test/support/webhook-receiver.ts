import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request that the receiver has got. */
export interface ReceivedMessage {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** A receiver of webhooks in this process. */
export interface WebhookReceiver {
  readonly url: string;
  readonly received: readonly ReceivedMessage[];
  /** Sets how it answers from now on, when `until` has resolved. Default: 204, at once. */
  answer(
    status: number | ((message: ReceivedMessage) => number | Promise<number>),
    headers?: Readonly<Record<string, string>>,
    until?: Promise<unknown>,
  ): void;
  /** While it is down, every connection is closed without an answer. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
}

export async function startReceiver(): Promise<WebhookReceiver> {
  const received: ReceivedMessage[] = [];
  let statusOf: (message: ReceivedMessage) => number | Promise<number> = () => 204;
  let extra: Readonly<Record<string, string>> = {};
  let released: Promise<unknown> = Promise.resolve();
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const message = { path: request.url ?? '', headers: request.headers, body: Buffer.concat(chunks).toString() };
      received.push(message);
      void released.then(() => statusOf(message)).then((status) => response.writeHead(status, extra).end());
    });
  });
  let refuses = false;
  server.on('connection', (socket) => {
    if (refuses) socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    answer(status, headers = {}, until = Promise.resolve()) {
      released = until;
      statusOf = typeof status === 'number' ? () => status : status;
      extra = headers;
    },
    setDown(isDown) {
      refuses = isDown;
      if (isDown) server.closeAllConnections();
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
