/**
 * THE PORT of traces. Two implementations: one passes the trace of the client on (`propagation.ts`), one also records spans with
 * the SDK of OpenTelemetry (`sdk/`). Without traces there is no tracer: callers have `undefined`, and pay for nothing.
 */

export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>;

/** What identifies a span in log lines. */
export interface SpanIds {
  readonly traceId: string;
  /** Undefined if berth records no spans. */
  readonly spanId: string | undefined;
}

/** Returns the fields of a line of the log that belongs to the span, as OpenTelemetry names them. */
export function traceFields(ids: SpanIds | undefined): Readonly<Record<string, string>> {
  if (ids === undefined) return {};
  return { trace_id: ids.traceId, ...(ids.spanId !== undefined && { span_id: ids.spanId }) };
}

/** A piece of work that has begun. */
export interface Span {
  readonly ids: SpanIds;
  /** Headers that pass the trace on, with this span as the parent: `traceparent`, `tracestate`. */
  readonly headers: Readonly<Record<string, string>>;
  /** False if the sampler has left this trace out: attributes are not kept. */
  readonly isRecording: boolean;
  /** True if nobody waits for the work, such as a job: calls of stores in it have no spans. */
  readonly isBackground: boolean;
  /** True if a span has begun within this one. */
  readonly hasChildren: boolean;
  /** Runs `work` and everything that it begins with this span as the current one. */
  run<Result>(work: () => Result): Result;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Ends the span. `error`: why the work failed. */
  end(error?: unknown): void;
  /** Leaves the span out, because its work was not worth one. Later spans of this work begin a new trace. */
  drop(): void;
}

export interface SpanOptions {
  /** One of few texts; what varies between spans belongs into the attributes. */
  readonly name: string;
  /** `server`: berth answers a request; `client`: berth sends one. */
  readonly kind: 'server' | 'client' | 'internal';
  readonly attributes?: Attributes;
  /** Default: that of the parent, or false. */
  readonly isBackground?: boolean;
}

/** Headers of a request as Node.js has them: names in lower case. */
export type IncomingHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

export interface Tracer {
  /** Begins the span of a request in the trace of the client, if `headers` name one. Undefined if there is no trace. */
  beginRequest(headers: IncomingHeaders, options: SpanOptions): Span | undefined;
  /** Begins a span within the current one, or a new trace. Undefined if there is no trace. */
  begin(options: SpanOptions): Span | undefined;
  /** Returns the span of the work that runs now. */
  current(): Span | undefined;
}

/** Runs `work` in a span of its own, which ends with it. */
export async function traced<Result>(
  tracer: Tracer | undefined,
  options: SpanOptions,
  work: (span: Span | undefined) => Promise<Result>,
): Promise<Result> {
  const span = tracer?.begin(options);
  if (!span) return work(undefined);
  try {
    const result = await span.run(() => work(span));
    span.end();
    return result;
  } catch (error) {
    span.end(error ?? 'unknown');
    throw error;
  }
}
