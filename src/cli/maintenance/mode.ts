import { openMetadata } from '../../assembly/metadata-store.ts';
import { type MaintenanceMode, createMaintenanceMode, maxReasonCharacters } from '../../maintenance/mode/maintenance-mode.ts';
import type { Author } from '../../registry/author.ts';
import { locateMetadata } from '../accounts/admin-command.ts';
import { type Invocation, type Run, UsageError } from '../program/command.ts';
import { printValue, time } from '../program/output.ts';
import { toCommandError } from '../program/registry-error.ts';

const author: Author = { actor: 'command line', address: '' };

/** Makes a command that uses the metadata store beside running servers. */
function modeCommand(change: (invocation: Invocation, mode: MaintenanceMode) => Promise<void>): Run {
  return async (invocation) => {
    const config = invocation.config();
    invocation.warn(`using the data in ${locateMetadata(config)}`);
    const metadata = await openMetadata(config);
    try {
      const mode = createMaintenanceMode({ metadata, now: Date.now, isConfigured: config.readOnly });
      await change(invocation, mode);
      await print(invocation, mode);
    } catch (error) {
      throw toCommandError(error);
    } finally {
      await metadata.close();
    }
  };
}

async function print(invocation: Invocation, mode: MaintenanceMode): Promise<void> {
  const state = await mode.find();
  if (!state) {
    printValue(invocation, 'off: clients can change content', { readOnly: false });
    return;
  }
  const { reason, since, actor } = state;
  const start = since === undefined ? 'readOnly in the configuration' : `since ${time(since)} by ${actor}`;
  const text = `on: pulls work, and clients can change no content (${start})${reason === '' ? '' : `: ${reason}`}`;
  printValue(invocation, text, { readOnly: true, reason: reason || null, since: time(since ?? null), by: actor || null });
}

/** `berth maintenance on` */
export const beginMaintenance = modeCommand(async ({ options }, mode) => {
  const reason = typeof options['reason'] === 'string' ? options['reason'] : '';
  if (reason.length > maxReasonCharacters) throw new UsageError(`--reason may have at most ${maxReasonCharacters} characters`);
  await mode.begin(reason, author);
});

/** `berth maintenance off` */
export const endMaintenance = modeCommand((_invocation, mode) => mode.end(author));

/** `berth maintenance status` */
export const showMaintenance = modeCommand(() => Promise.resolve());
