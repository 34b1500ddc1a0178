import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';
import type { Config } from '../../../config/schema.ts';
import { createApp } from '../../app.ts';
import { checkConfig } from '../../assembly/check-config.ts';
import { ownData } from '../../assembly/data-owner.ts';
import { sendPath } from '../../http/transfer/send-object.ts';
import { type Log, createLog } from '../../observability/log.ts';
import type { Invocation } from '../program/command.ts';
import { firstSteps } from './first-steps.ts';
import { notifySupervisor } from './supervisor.ts';
import { freeStartMemory } from '../../platform/start-garbage.ts';
import { joinMetrics } from '../../observability/worker-metrics.ts';
import { type ReloadOptions, createReload } from './reload.ts';
import { type Workers, reportListening, startWorkers, workersListenThemselves } from './workers.ts';

/** Checks the configuration, owns the data folder and runs the registry until SIGTERM or SIGINT. */
export async function runServer(settings: Config, invocation: Invocation): Promise<void> {
  const warnings = cluster.isPrimary ? await checkConfig(settings) : [];
  const data = cluster.isPrimary ? ownData(settings) : undefined;
  try {
    await serveUntilSignal(settings, warnings, invocation);
  } finally {
    data?.release();
  }
}

async function serveUntilSignal(settings: Config, warnings: readonly string[], invocation: Invocation): Promise<void> {
  const { environment, onSignal, isTerminal, print } = invocation;
  const count = settings.workers === 'auto' ? availableParallelism() : settings.workers;
  const { log, flush } = createLog({
    level: settings.log.level,
    format: settings.log.format ?? (isTerminal ? 'pretty' : 'json'),
    worker: cluster.worker?.id,
    isShared: count > 1,
    hasTraces: settings.telemetry.traces !== 'off',
  });
  if (cluster.isPrimary) for (const warning of warnings) log.warn(warning);
  const service =
    count > 1 && cluster.isPrimary
      ? toService(await startWorkers(count, settings.listen, log), log)
      : await serveHere(settings, log, print);
  const reload = createReload({ load: () => loadAgain(invocation), apply: service.apply, log });
  invocation.onReload(() => void reload());
  // Before the log says that berth listens: a supervisor may end berth as soon as it reads this.
  const signalled = onSignal();
  if (cluster.isPrimary) {
    const { url } = service;
    log.info({ url, ...firstSteps(settings, url), workers: count, ...facts(settings) }, 'berth is listening');
    void notifySupervisor(environment, log, 'READY=1', `STATUS=listening on ${url}`);
  } else reportListening(service.url);
  flush();
  freeStartMemory();
  const signal = await signalled;
  if (cluster.isPrimary) {
    log.info({ signal, graceSeconds: settings.shutdown.grace }, 'shutting down: running transfers may end');
    void notifySupervisor(environment, log, 'STOPPING=1', 'STATUS=running transfers may end');
  }
  await service.stop();
  if (cluster.isPrimary) log.info('stopped');
  flush();
}

/** A running registry, in this process or in workers. */
interface Service extends Pick<Workers, 'url' | 'stop'> {
  readonly apply: ReloadOptions['apply'];
}

/** Returns the workers as a service: each worker reports what it has reloaded. */
function toService({ url, stop, reload }: Workers, log: Log): Service {
  return {
    url,
    stop,
    apply(next) {
      log.level = next.log.level;
      reload();
      return Promise.resolve(undefined);
    },
  };
}

async function loadAgain(invocation: Invocation): Promise<Config> {
  const next = invocation.config();
  await checkConfig(next);
  return next;
}

async function serveHere(settings: Config, log: Log, print: (line: string) => void): Promise<Service> {
  const app = await createApp(settings, log, cluster.worker && joinMetrics(cluster.worker.id));
  const url = await app.listen({ reusePort: cluster.isWorker && workersListenThemselves });
  if (app.generatedPassword !== undefined) {
    print(
      `created the admin ${settings.access.admin.username} with the password ${app.generatedPassword}: berth prints it only once`,
    );
  }
  return { url, stop: () => app.close(), apply: app.reload };
}

function facts({ storage, access }: Config): Readonly<Record<string, string>> {
  return {
    blobs: storage.blobs.driver === 'filesystem' ? storage.blobs.directory : storage.blobs.driver,
    metadata: storage.metadata.driver,
    sendPath,
    access: access.mode,
  };
}
