import { AsyncLocalStorage } from 'node:async_hooks';
import { type TraceParent, readTraceParent } from './trace-parent.ts';
import type { Span, Tracer } from './tracer.ts';

/** Creates a tracer that records nothing: requests of berth carry the trace of the client that caused them. */
export function createPropagation(): Tracer {
  const running = new AsyncLocalStorage<Span>();
  const ofCurrent = () => running.getStore();
  return {
    beginRequest(headers) {
      const parent = readTraceParent(headers);
      return parent && passOn(parent, running);
    },
    begin: ofCurrent,
    current: ofCurrent,
  };
}

function passOn({ traceId, header, state }: TraceParent, running: AsyncLocalStorage<Span>): Span {
  const span: Span = {
    ids: { traceId, spanId: undefined },
    headers: { traceparent: header, ...(state !== undefined && { tracestate: state }) },
    isRecording: false,
    isBackground: false,
    hasChildren: false,
    run: (work) => running.run(span, work),
    rename: () => undefined,
    set: () => undefined,
    end: () => undefined,
    drop: () => undefined,
  };
  return span;
}
