import { type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { json } from 'node:stream/consumers';

type AnyValue = {
  readonly stringValue?: string;
  readonly intValue?: number;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
};
type KeyValue = { readonly key: string; readonly value: AnyValue };

/** A span as a receiver gets it. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  /** 1: internal, 2: server, 3: client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2: an error. */
  readonly status: { readonly code?: number };
}

export interface ReceivedLog {
  readonly severityText: string;
  readonly body: { readonly stringValue?: string };
  readonly traceId?: string;
  readonly spanId?: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

type Resource = { readonly resource: { readonly attributes: readonly KeyValue[] } };
type Written<Item> = Omit<Item, 'attributes'> & { readonly attributes?: readonly KeyValue[] };
interface Request {
  readonly resourceSpans?: readonly (Resource & {
    readonly scopeSpans: readonly { readonly spans: readonly Written<ReceivedSpan>[] }[];
  })[];
  readonly resourceLogs?: readonly (Resource & {
    readonly scopeLogs: readonly { readonly logRecords: readonly Written<ReceivedLog>[] }[];
  })[];
}

/** A receiver of OpenTelemetry on loopback: OTLP over HTTP, JSON. */
export interface OtlpReceiver {
  readonly url: string;
  readonly spans: ReceivedSpan[];
  readonly logs: ReceivedLog[];
  /** Attributes of the latest sender. */
  readonly resource: Readonly<Record<string, unknown>>;
  /** Headers of the latest request. */
  readonly headers: Readonly<Record<string, unknown>>;
  /** Takes requests and never answers. */
  hang(): void;
  /** Answers the requests that wait. */
  answer(): void;
  /** Requests that wait for their answer. */
  readonly waiting: number;
  close(): Promise<void>;
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const [spans, logs]: [ReceivedSpan[], ReceivedLog[]] = [[], []];
  let resource: Readonly<Record<string, unknown>> = {};
  let headers: Readonly<Record<string, unknown>> = {};
  let hangs = false;
  const waiting = new Set<ServerResponse>();
  const server = createServer((request, response) => {
    waiting.add(response);
    response.once('close', () => waiting.delete(response));
    void json(request).then((body) => {
      const { resourceSpans = [], resourceLogs = [] } = body as Request;
      headers = request.headers;
      for (const { resource: sender, scopeSpans } of resourceSpans) {
        resource = plain(sender.attributes);
        spans.push(
          ...scopeSpans.flatMap((scope) => scope.spans).map((span) => ({ ...span, attributes: plain(span.attributes) })),
        );
      }
      for (const { resource: sender, scopeLogs } of resourceLogs) {
        resource = plain(sender.attributes);
        logs.push(
          ...scopeLogs.flatMap((scope) => scope.logRecords).map((log) => ({ ...log, attributes: plain(log.attributes) })),
        );
      }
      if (!hangs) accept(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    logs,
    get resource() {
      return resource;
    },
    get headers() {
      return headers;
    },
    get waiting() {
      return waiting.size;
    },
    answer: () => waiting.forEach(accept),
    hang: () => void (hangs = true),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function accept(response: ServerResponse): void {
  response.setHeader('Content-Type', 'application/json').end('{}');
}

function plain(attributes: readonly KeyValue[] = []): Readonly<Record<string, unknown>> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
