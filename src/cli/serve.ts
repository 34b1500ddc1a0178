import type { Config } from '../../config/schema.ts';
import { type App, createApp } from '../app.ts';
import { sendPath } from '../http/send-object.ts';
import { createLog } from '../observability/log.ts';
import type { Command } from './command.ts';

/** `berth serve`: runs the registry until a signal ends it. */
export const serve: Command = {
  name: 'serve',
  summary: 'run the registry',
  usage: 'berth serve [--config FILE]',
  options: {},
  async run({ config, onSignal, isTerminal, print }) {
    const settings = config();
    const { log, flush } = createLog({
      level: settings.log.level,
      format: settings.log.format ?? (isTerminal ? 'pretty' : 'json'),
    });
    const app = await createApp(settings, log);
    const url = await app.listen();
    if (app.generatedPassword !== undefined) {
      print(
        `created the admin ${settings.access.admin.username} with the password ${app.generatedPassword}: it is shown only now`,
      );
    }
    log.info({ url, ...facts(settings) }, 'berth is listening');
    flush();
    const signal = await onSignal();
    log.info({ signal, graceSeconds: settings.shutdown.grace }, 'shutting down: running transfers may end');
    await close(app);
    log.info('stopped');
    flush();
  },
};

async function close(app: App): Promise<void> {
  await app.close();
}

function facts({ storage, access }: Config): Readonly<Record<string, string>> {
  return {
    blobs: storage.blobs.driver === 'filesystem' ? storage.blobs.directory : storage.blobs.driver,
    metadata: storage.metadata.driver,
    sendPath,
    access: access.mode,
  };
}
