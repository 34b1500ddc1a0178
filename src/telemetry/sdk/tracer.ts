import { AsyncLocalStorage } from 'node:async_hooks';
import {
  type Context,
  type Tracer as SdkTracer,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from '@opentelemetry/api';
import { readTraceParent } from '../trace-parent.ts';
import type { Attributes, IncomingHeaders, Span, SpanOptions, Tracer } from '../tracer.ts';

interface SdkSpan extends Span {
  readonly context: Context;
  /** `tracestate` of the trace, which berth passes on as it is. */
  readonly state: string | undefined;
  readonly isDropped: boolean;
  hasChildren: boolean;
}

const kinds = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;

/** Creates a tracer that records spans with the SDK. It needs no global state of OpenTelemetry. */
export function createSdkTracer(sdk: SdkTracer): Tracer {
  const running = new AsyncLocalStorage<SdkSpan>();

  function beginIn(parent: SpanParent, { name, kind, attributes = {}, isBackground = false }: SpanOptions): SdkSpan {
    const inner = sdk.startSpan(name, { kind: kinds[kind], attributes: defined(attributes) }, parent.context);
    const { traceId, spanId, traceFlags } = inner.spanContext();
    const { state } = parent;
    let isDropped = false;
    const span: SdkSpan = {
      ids: { traceId, spanId },
      headers: {
        traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
        ...(state !== undefined && { tracestate: state }),
      },
      context: trace.setSpan(ROOT_CONTEXT, inner),
      state,
      isRecording: inner.isRecording(),
      isBackground,
      hasChildren: false,
      get isDropped() {
        return isDropped;
      },
      run: (work) => running.run(span, work),
      rename: (newName) => void inner.updateName(newName),
      set: (added) => void inner.setAttributes(defined(added)),
      end(error) {
        if (error !== undefined) inner.setStatus({ code: SpanStatusCode.ERROR, message: messageOf(error) });
        inner.end();
      },
      drop: () => void (isDropped = true),
    };
    return span;
  }

  return {
    beginRequest: (headers, options) => beginIn(parentOf(headers), options),
    begin(options) {
      const current = running.getStore();
      const parent = current?.isDropped ? undefined : current;
      if (parent) parent.hasChildren = true;
      const isBackground = options.isBackground ?? parent?.isBackground ?? false;
      return beginIn(parent ?? newTrace, { ...options, isBackground });
    },
    current: () => running.getStore(),
  };
}

/** Where a span begins: the context of its parent, and what other systems say about the trace. */
type SpanParent = Pick<SdkSpan, 'context' | 'state'>;

const newTrace: SpanParent = { context: ROOT_CONTEXT, state: undefined };

/** Returns the parent of a request: the span of the caller, if its headers name one. */
function parentOf(headers: IncomingHeaders): SpanParent {
  const parent = readTraceParent(headers);
  if (!parent) return newTrace;
  const { traceId, spanId, isSampled, state } = parent;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return { context: trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true }), state };
}

function defined(attributes: Attributes): Record<string, string | number | boolean> {
  const entries = Object.entries(attributes).filter(
    (entry): entry is [string, string | number | boolean] => entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}

const longestMessage = 500;

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, longestMessage);
}
