import type { IncomingHeaders } from './tracer.ts';

/** The caller's span (W3C Trace Context, level 1). */
export interface TraceParent {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  /** The header as it came. */
  readonly header: string;
  /** Of the systems that the trace has passed; undefined if there is none, or too long a one. */
  readonly state: string | undefined;
}

const form = /^(?!ff)[\da-f]{2}-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(?:$|-)/;
/** Systems must pass at least so many characters on. */
const longestState = 512;

/** Reads `traceparent` and `tracestate`; undefined if there is no valid `traceparent`. */
export function readTraceParent({ traceparent, tracestate }: IncomingHeaders): TraceParent | undefined {
  const header = typeof traceparent === 'string' ? traceparent : '';
  const [, traceId, spanId, flags = ''] = (header.length <= 256 && form.exec(header)) || [];
  if (traceId === undefined || spanId === undefined) return undefined;
  const state = typeof tracestate === 'string' ? tracestate : tracestate?.join(',');
  const isKept = state !== undefined && state !== '' && state.length <= longestState;
  return { traceId, spanId, isSampled: (parseInt(flags, 16) & 1) === 1, header, state: isKept ? state : undefined };
}
