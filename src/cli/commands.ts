import { accountCommands } from './accounts/account-commands.ts';
import { contentCommands } from './content/content-commands.ts';
import { adopt } from './maintenance/adopt-commands.ts';
import { garbageCollection } from './maintenance/gc-commands.ts';
import { maintenanceMode } from './maintenance/mode-commands.ts';
import { doctor, supportBundle } from './doctor/doctor-commands.ts';
import type { Command, CommandGroup, Topic } from './program/command.ts';

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

const migrate: Command = {
  name: 'migrate',
  summary: 'move an installation to S3 and PostgreSQL',
  options: [
    ['--to <FILE>', 'configuration of the target; TO_BERTH_… variables override it, such as TO_BERTH_STORAGE_METADATA_URL'],
    ['--undo', 'accept changes in the source installation again'],
  ],
  load: async () => (await import('./maintenance/migrate.ts')).migrate,
};

const exportCommand: Command = {
  name: 'export',
  summary: 'write images into a file, or the links of registry:2',
  arguments: [['[REF...]', 'images, such as team/app:1.0 or team/app@sha256:…']],
  options: [
    [
      '-o, --output <FILE>',
      'tar file for the images: an OCI layout that docker load reads, too; an interrupted run is continued',
    ],
    ['--platform <PLATFORM>', 'export this image of an index, such as linux/arm64; default: all'],
    ['--host <HOST>', 'host in front of the names in the file; default: none'],
    ['--layout <NAME>', 'distribution: without images; writes links with which registry:2 can be started on the store'],
    ['--prune', 'with --layout: delete links of what berth does not have'],
    ['--dry-run', 'with --layout: compare only'],
  ],
  printsData: true,
  load: async () => (await import('./maintenance/export.ts')).exportContent,
};

const verify: Command = {
  name: 'verify',
  summary: 'find missing and damaged blobs; fetch them again',
  options: [
    ['--quick', 'compare existence and size; the default'],
    ['--deep', 'read every byte'],
    ['--sample <PERCENT>', 'read every byte of a part of the blobs, chosen at random, such as 5%'],
    ['--repository <PATTERN>', 'repositories: NAME, PREFIX/* or PREFIX/**; default: all'],
    ['--bandwidth <SIZE>', 'read at most so many bytes a second, such as 50MiB; default: no limit'],
    ['--repair', 'fetch damaged blobs again from upstreams and registries of sync'],
    ['--from <REPOSITORY>', 'fetch all damaged blobs from this mirrored repository, such as ghcr.io/owner/app'],
    ['--orphans', 'compare the listing of the blob store with the records instead'],
    ['--delete-orphans', 'with --orphans: let garbage collection delete blobs without a record'],
  ],
  printsData: true,
  load: async () => (await import('./maintenance/verify.ts')).verify,
};

const importCommand: Command = {
  name: 'import',
  summary: 'store images from files that docker save and others write',
  arguments: [['FILE...', 'archives: docker save, OCI layout; plain, gzip or zstd. /dev/stdin reads a pipe']],
  options: [
    ['--to <NAME>', 'repository, or image such as team/app:1.0 for one image; default: the names in the file, without host'],
    ['--compress <KIND>', 'gzip, zstd or none: store uncompressed layers so; default: as manifests list them, else gzip'],
  ],
  printsData: true,
  load: async () => (await import('./maintenance/import-images.ts')).importImages,
};

const config: CommandGroup = {
  name: 'config',
  summary: 'check, import and list the configuration',
  commands: [
    {
      name: 'check',
      summary: 'check the configuration and the files that it names; print every error',
      printsData: true,
      serves: true,
      load: async () => (await import('./tool/config-check.ts')).checkConfiguration,
    },
    {
      name: 'import',
      summary: 'translate the configuration of registry:2, with REGISTRY_* variables',
      arguments: [['FILE', 'its config.yml; - reads standard input']],
      printsData: true,
      load: async () => (await import('./tool/config-import.ts')).importConfiguration,
    },
    {
      name: 'keys',
      summary: 'list every key with its variable, default and meaning',
      printsData: true,
      load: async () => (await import('./tool/config-keys.ts')).listKeys,
    },
  ],
};

const restore: Command = {
  name: 'restore',
  summary: 'bring back the metadata of a backup, into an empty database',
  arguments: [['[BACKUP]', 'a name, a file, or latest']],
  options: [
    ['--from-links', 'without a backup: repositories and tags from the links in the blob store'],
    ['--from-blobs', 'without backup and links: manifests that are found among the blobs, below recovered/'],
    ['--finish', 'go on after a restore that broke off, or let garbage collection run after --from-blobs'],
  ],
  printsData: true,
  load: async () => (await import('./maintenance/restore.ts')).restore,
};

const backup: CommandGroup = {
  name: 'backup',
  summary: 'make, list and test backups of the metadata',
  commands: [
    {
      name: 'create',
      summary: 'make a backup now, also beside a running server',
      printsData: true,
      load: async () => (await import('./maintenance/backup.ts')).createBackup,
    },
    {
      name: 'list',
      summary: 'list backups, newest first',
      printsData: true,
      load: async () => (await import('./maintenance/backup.ts')).listBackups,
    },
    {
      name: 'drill',
      summary: 'restore a backup into a temporary place, compare it with the blob store, and pull some images',
      arguments: [['[BACKUP]', 'a name, a file, or latest; default: latest']],
      options: [['--sample <NUMBER>', 'number of images; default: 5']],
      printsData: true,
      load: async () => (await import('./maintenance/restore.ts')).drillBackup,
    },
    {
      name: 'delete',
      summary: 'delete a backup; what only this backup needs is kept no longer',
      arguments: [['BACKUP', 'name, as berth backup list prints it']],
      printsData: true,
      load: async () => (await import('./maintenance/backup.ts')).deleteBackup,
    },
  ],
};

const retention: CommandGroup = {
  name: 'retention',
  summary: 'show and approve what the rules of retention expire',
  commands: [
    {
      name: 'preview',
      summary: 'show what would expire and why; change nothing',
      arguments: [['[PATTERN]', 'repositories: NAME, PREFIX/* or PREFIX/**; default: all']],
      options: [
        ['--all', 'show what stays, too'],
        ['--plan', 'show the plan that waits for an approval instead'],
      ],
      printsData: true,
      load: async () => (await import('./maintenance/retention.ts')).previewRetention,
    },
    {
      name: 'approve',
      summary: 'let a plan be executed that expires more than retention.brake allows',
      arguments: [['PLAN', 'id of the plan, as berth retention preview prints it']],
      printsData: true,
      load: async () => (await import('./maintenance/retention.ts')).approvePlan,
    },
    {
      name: 'log',
      summary: 'show what expired and why, newest first',
      arguments: [['[REPOSITORY]', 'a repository; default: all']],
      options: [['--limit <NUMBER>', 'number of lines; default: 50']],
      printsData: true,
      load: async () => (await import('./maintenance/retention.ts')).printRetentionLog,
    },
  ],
};

const sync: Command = {
  name: 'sync',
  summary: 'copy from and to other registries, as configured',
  arguments: [['[NAME]', 'name of an entry; default: all']],
  options: [
    ['--status', 'show the last runs and what they could not copy; copy nothing'],
    ['--dry-run', 'show what would be copied and deleted; change nothing'],
    ['--full', 'look into images with equal tags, too: parts of them may be missing'],
    ['--tags-only', 'set tags of images that are here already; copy nothing else'],
    ['--allow-deletions', 'delete although it is more than a fifth of all tags'],
  ],
  printsData: true,
  load: async () => (await import('./maintenance/sync.ts')).runSync,
};

const quota: CommandGroup = {
  name: 'quota',
  summary: 'show what quotas have used',
  commands: [
    {
      name: 'list',
      summary: 'list quotas with what they have used',
      arguments: [['[REPOSITORY]', 'only the quotas that this repository counts in']],
      printsData: true,
      load: async () => (await import('./maintenance/quota.ts')).listQuotas,
    },
    {
      name: 'recount',
      summary: 'count all content again; the counters stay in force until then',
      printsData: true,
      load: async () => (await import('./maintenance/quota.ts')).recountQuotas,
    },
  ],
};

const webhooks: CommandGroup = {
  name: 'webhooks',
  summary: 'show, repeat and test messages to other servers',
  commands: [
    {
      name: 'list',
      summary: 'list the targets and how deliveries go',
      printsData: true,
      load: async () => (await import('./maintenance/webhooks.ts')).listWebhooks,
    },
    {
      name: 'deliveries',
      summary: 'list messages for a target, newest first',
      arguments: [['TARGET', 'name of a target in the configuration']],
      options: [
        ['--state <STATE>', 'waiting, delivered or dead (given up); default: all'],
        ['--limit <NUMBER>', 'number of messages; default: 50'],
      ],
      printsData: true,
      load: async () => (await import('./maintenance/webhooks.ts')).listDeliveries,
    },
    {
      name: 'resend',
      summary: 'let the server send messages again',
      arguments: [
        ['TARGET', 'name of a target in the configuration'],
        ['[ID...]', 'ids, as berth webhooks deliveries prints them; default: all messages that were given up'],
      ],
      printsData: true,
      load: async () => (await import('./maintenance/webhooks.ts')).resendMessages,
    },
    {
      name: 'test',
      summary: 'send a test message to a target now',
      arguments: [['TARGET', 'name of a target in the configuration']],
      printsData: true,
      load: async () => (await import('./maintenance/webhooks.ts')).sendTestMessage,
    },
  ],
};

const completion: Command = {
  name: 'completion',
  summary: 'print a completion script for a shell',
  arguments: [['SHELL', 'bash, zsh or fish']],
  load: async () => (await import('./tool/completion.ts')).createCompletion(topics),
};

const version: Command = {
  name: 'version',
  summary: 'print the version',
  printsData: true,
  load: async () => (await import('./tool/version.ts')).printVersion,
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
