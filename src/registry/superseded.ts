import { OciError } from '../oci/errors.ts';

/** A newer request for the same upload waits, and this one has received nothing for a while. */
export class Superseded extends OciError {
  constructor() {
    super('BLOB_UPLOAD_INVALID', {
      status: 409,
      message: 'a newer request for this upload has arrived while this one sent nothing: ask for its offset and go on there',
    });
  }
}

/**
 * Yields the chunks of `body`. Throws `Superseded` if `wanted` is aborted and no chunk arrives for `quietMilliseconds`: the
 * client has lost this connection and continues on another one.
 */
export async function* untilSuperseded(
  body: AsyncIterable<Uint8Array>,
  wanted: AbortSignal,
  quietMilliseconds: number,
): AsyncGenerator<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  let waiting: { readonly since: number; readonly end: (error: Error) => void } | undefined;
  let timer: NodeJS.Timeout | undefined;

  function check(): void {
    const quiet = waiting ? performance.now() - waiting.since : 0;
    if (quiet >= quietMilliseconds) waiting?.end(new Superseded());
    else timer = setTimeout(check, quietMilliseconds - quiet);
  }

  function next(): Promise<IteratorResult<Uint8Array, unknown>> {
    return new Promise((resolve, reject) => {
      waiting = { since: performance.now(), end: reject };
      chunks.next().then(resolve, reject);
    });
  }

  if (wanted.aborted) check();
  else wanted.addEventListener('abort', check, { once: true });
  try {
    for (;;) {
      const step = await next();
      waiting = undefined;
      if (step.done) return;
      yield step.value;
    }
  } finally {
    wanted.removeEventListener('abort', check);
    clearTimeout(timer);
    // `return` of a body that waits for its client would wait, too.
    if (!waiting) await chunks.return?.();
  }
}
