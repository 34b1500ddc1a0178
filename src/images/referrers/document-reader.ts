import { Worker } from 'node:worker_threads';
import { LRUCache } from 'lru-cache';
import type { BlobDriver } from '../../../storage/blobs/driver.ts';
import { readAll } from '../../../storage/blobs/missing.ts';
import { openContent } from '../../content/missing-content.ts';
import { createSemaphore } from '../../coordination/semaphore.ts';
import type { Descriptor } from '../../oci/descriptor.ts';
import type { Digest } from '../../oci/digest.ts';
import { type ReferrerDocument, readDocument } from './document.ts';

/** Larger documents are not read. */
export const maxDocumentBytes = 32 * 1024 * 1024;
/** Larger documents are read on a thread of their own. */
const threadBytes = 256 * 1024;
const threadMilliseconds = 30_000;
const maxHeapMegabytes = 512;
const maxWaiting = 20;
/** Packages of documents that were read last. */
const cachedPackages = 200_000;

/**
 * Returns a function that reads a stored document; a document that cannot be read says why. Reads one large document at a time.
 * The function rejects `ConcurrencyLimitExceeded` if many wait, and `ContentMissing`.
 */
export function createDocumentReader({ driver }: { readonly driver: BlobDriver }) {
  const inTurn = createSemaphore({ maxAtOnce: 1, maxWaiting });
  const cache = new LRUCache<Digest, ReferrerDocument>({
    maxSize: cachedPackages,
    sizeCalculation: (document) => (document.kind === 'sbom' ? document.packages.length : 0) + 100,
  });

  async function bytesOf({ digest, sizeBytes }: Descriptor): Promise<Buffer> {
    const object = await openContent(driver, digest, sizeBytes);
    return readAll(object).finally(() => object.close());
  }

  return async (descriptor: Descriptor): Promise<ReferrerDocument> => {
    const { digest, sizeBytes } = descriptor;
    if (sizeBytes > maxDocumentBytes) {
      return { kind: 'unread', format: '', reason: `the document is larger than ${maxDocumentBytes / 1024 / 1024} MiB` };
    }
    const known = cache.get(digest);
    if (known) return known;
    const read =
      sizeBytes <= threadBytes
        ? readDocument(await bytesOf(descriptor))
        : await inTurn(async () => cache.get(digest) ?? readOnThread(await bytesOf(descriptor)));
    cache.set(digest, read);
    return read;
  };
}

function readOnThread(bytes: Buffer): Promise<ReferrerDocument> {
  return new Promise((resolve) => {
    const thread = new Worker(new URL('./document-thread.ts', import.meta.url), {
      workerData: bytes,
      resourceLimits: { maxOldGenerationSizeMb: maxHeapMegabytes },
    });
    thread.unref();
    const unread = (reason: string) => resolve({ kind: 'unread', format: '', reason });
    const timeout = setTimeout(() => {
      unread('reading the document takes too long');
      void thread.terminate();
    }, threadMilliseconds).unref();
    thread.on('message', (document: ReferrerDocument) => resolve(document));
    thread.on('error', (error: Error) => unread(`the document cannot be read: ${error.message}`));
    thread.on('exit', () => {
      clearTimeout(timeout);
      unread('the document cannot be read');
    });
  });
}
