import { AdministrationError } from '../../access/accounts/administration-error.ts';
import { AuthenticationError } from '../../access/credentials/authentication-error.ts';
import { type ClassifiedError, classify, isCausedByUpstream } from '../../http/errors/classify.ts';
import type { RequestRecord } from '../../http/server/request-record.ts';
import { type SpanIds, traceFields } from '../../telemetry/tracer.ts';
import { UpstreamError, reasonOf } from '../../upstream/upstream-error.ts';
import { type Log, infoWriter } from '../../observability/log.ts';

/** Paths that load balancers request every second. */
const probes = new Set(['/healthz', '/readyz']);

/**
 * Writes one line for a request; at `debug` for successful health probes. The level of an error shows its cause: `info` the
 * client, `warn` an upstream, `error` berth or its stores. Only defects have a stack trace.
 */
export function logRequest(log: Pick<Log, 'debug' | 'info' | 'warn' | 'error'>, request: RequestRecord, trace?: SpanIds): void {
  const writeFields = request.error === undefined && !isProbe(request) ? infoWriter(log) : undefined;
  if (writeFields) return writeFields(fieldsOf(request, trace));
  const { error, ...fields } = request;
  const record = { ...fields, ...traceFields(trace) };
  if (error === undefined) return isProbe(record) ? log.debug(record, 'request') : log.info(record, 'request');
  const classified = classify(error);
  if (classified.code === 'INTERNAL') return log.error({ ...record, err: error }, 'request failed');
  const code = error instanceof UpstreamError ? error.code : classified.code;
  const refusal = { ...record, code, reason: reasonFor(error, classified) };
  if (isCausedByUpstream(error)) log.warn(refusal, 'request failed at the upstream');
  else if (classified.isOurs) log.error(refusal, 'request failed');
  else log.info(refusal, 'request refused');
}

function isProbe({ url, status }: RequestRecord): boolean {
  return probes.has(url) && status < 400;
}

/** Formats the fields of a request without an error as pino does, in a tenth of the time. */
function fieldsOf(record: RequestRecord, trace: SpanIds | undefined): string {
  const { requestId, client, account, userAgent, method, url, status, bytesReceived, bytesSent, bodyBytesSent } = record;
  const { milliseconds, complete, upstream, cache } = record;
  return (
    `"requestId":"${requestId}","client":${quoted(client)}` +
    (account === undefined ? '' : `,"account":${quoted(account)}`) +
    (userAgent === undefined ? '' : `,"userAgent":${quoted(userAgent)}`) +
    `,"method":"${method}","url":${quoted(url)},"status":${status}` +
    `,"bytesReceived":${bytesReceived},"bytesSent":${bytesSent},"bodyBytesSent":${bodyBytesSent}` +
    `,"milliseconds":${milliseconds},"complete":${complete}` +
    (upstream === undefined ? '' : `,"upstream":${quoted(upstream)}`) +
    (cache === undefined ? '' : `,"cache":${quoted(cache)}`) +
    (trace === undefined ? '' : `,"trace_id":"${trace.traceId}"`) +
    (trace?.spanId === undefined ? '' : `,"span_id":"${trace.spanId}"`) +
    ',"msg":"request"'
  );
}

/** Matches text that JSON escapes: everything but printable ASCII without quotes and backslashes. */
const needsEscaping = /[^ !#-[\]-~]/;

function quoted(text: string): string {
  return needsEscaping.test(text) ? JSON.stringify(text) : `"${text}"`;
}

function reasonFor(error: unknown, { message }: ClassifiedError): string {
  // The message can repeat what the client sent, such as a password in the wrong field.
  if (error instanceof AdministrationError) return error.code;
  return error instanceof AuthenticationError ? message : reasonOf(error);
}
