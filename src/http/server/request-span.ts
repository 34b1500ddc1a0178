import type { IncomingMessage } from 'node:http';
import type { Span, Tracer } from '../../telemetry/tracer.ts';
import type { RequestRecord } from './request-record.ts';

/** Health probes and scrapes come every few seconds, and would be most traces. */
const untraced = /^\/(?:healthz|readyz|metrics)(?:[/?]|$)/;

/** Begins the span of a request (semantic conventions of OpenTelemetry for HTTP). Its query is left out: it may have secrets. */
export function beginRequestSpan(
  tracer: Tracer,
  request: IncomingMessage,
  { client, scheme }: { readonly client: string; readonly scheme: string },
): Span | undefined {
  const { method = '', url = '', headers, httpVersion } = request;
  if (untraced.test(url)) return undefined;
  const attributes = {
    'http.request.method': method,
    'url.path': url.replace(/\?.*$/s, ''),
    'url.scheme': scheme,
    'server.address': headers.host?.replace(/:\d+$/, ''),
    'client.address': client,
    'network.protocol.version': httpVersion,
    'user_agent.original': headers['user-agent']?.slice(0, 200),
  };
  return tracer.beginRequest(headers, { name: method, kind: 'server', attributes });
}

/** Ends the span of a request. */
export function endRequestSpan(span: Span, record: RequestRecord, route: string | undefined): void {
  const { method, status, bytesReceived, bodyBytesSent, requestId, upstream, cache, error } = record;
  if (route !== undefined) span.rename(`${method} ${route}`);
  span.set({
    'http.route': route,
    'http.response.status_code': status,
    'http.request.body.size': bytesReceived,
    'http.response.body.size': bodyBytesSent,
    'error.type': status >= 500 ? String(status) : undefined,
    'berth.request_id': requestId,
    'berth.upstream': upstream,
    'berth.cache': cache,
  });
  span.end(status >= 500 ? (error ?? `status ${status}`) : undefined);
}
