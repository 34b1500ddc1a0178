import { accountCommands } from './accounts/commands/account-commands.ts';
import { contentCommands } from './content/content-commands.ts';
import { doctor, supportBundle } from './doctor/doctor-commands.ts';
import { adopt } from './maintenance/adopt-commands.ts';
import { backup, restore } from './maintenance/backup/backup-commands.ts';
import { garbageCollection } from './maintenance/gc/gc-commands.ts';
import { maintenanceMode } from './maintenance/mode-commands.ts';
import { quota } from './maintenance/quota-commands.ts';
import { retention } from './maintenance/retention/retention-commands.ts';
import { sync } from './maintenance/sync/sync-command.ts';
import { exportCommand, importCommand, migrate } from './maintenance/transfer-commands.ts';
import { verify } from './maintenance/verify/verify-command.ts';
import { webhooks } from './maintenance/webhooks/webhook-commands.ts';
import type { Command, Topic } from './program/command.ts';
import { config, version } from './tool/tool-commands.ts';

export const serve: Command = {
  name: 'serve',
  summary: 'run the registry',
  serves: true,
  load: async () => (await import('./serve/serve.ts')).serve,
};

const preheat: Command = {
  name: 'preheat',
  summary: 'fetch images into the mirror before the first pull',
  arguments: [['IMAGE...', 'images, such as alpine:3 or ghcr.io/owner/image@sha256:…']],
  options: [['--platform <LIST>', 'platforms, such as linux/amd64,linux/arm64, or all; default: the platform of this machine']],
  load: async () => (await import('./maintenance/preheat.ts')).preheatImages,
};

const completion: Command = {
  name: 'completion',
  summary: 'print a completion script for a shell',
  arguments: [['SHELL', 'bash, zsh or fish']],
  load: async () => (await import('./tool/completion.ts')).createCompletion(topics),
};

/** Every command, in the order of the help. */
export const topics: readonly Topic[] = [
  { heading: 'Server:', entries: [serve, preheat, migrate, adopt, importCommand, exportCommand, backup, restore, config] },
  {
    heading: 'Content (beside a running server, too):',
    entries: [...contentCommands, retention, quota, garbageCollection, verify, sync, webhooks, maintenanceMode],
  },
  { heading: 'Accounts and access (beside a running server, too):', entries: accountCommands },
  { heading: 'Tool:', entries: [doctor, supportBundle, completion, version] },
];
