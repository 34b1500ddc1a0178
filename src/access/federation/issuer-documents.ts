const timeoutMilliseconds = 10_000;
const maxDocumentBytes = 1024 * 1024;

/**
 * Sends a request to an issuer that the operator configured, and buffers the response. Rejects for redirects (an issuer must
 * not send berth to other hosts), after 10 seconds, and for bodies above 1 MiB.
 */
export async function fetchDocument(url: string, init: RequestInit = {}): Promise<Response> {
  const response = await fetch(url, { ...init, redirect: 'error', signal: AbortSignal.timeout(timeoutMilliseconds) });
  const body: AsyncIterable<Uint8Array> | null = response.body;
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of body ?? []) {
    bytes += chunk.length;
    if (bytes > maxDocumentBytes) throw new Error(`the response of ${url} is larger than ${maxDocumentBytes} bytes`);
    chunks.push(chunk);
  }
  const { status, headers } = response;
  return new Response(bytes > 0 ? Buffer.concat(chunks) : null, { status, headers });
}

/** Returns a JSON document of an issuer. Rejects as `fetchDocument` does, and for other statuses than 2xx. */
export async function fetchJson(url: string): Promise<unknown> {
  const response = await fetchDocument(url, { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response.json();
}
