import type { Argument, Command, CommandGroup } from '../program/command.ts';

const repository: Argument = ['[REPOSITORY]', 'only of this repository'];
const reference: Argument = ['REF', 'team/app:1.0 or team/app@sha256:…'];

const trash: CommandGroup = {
  name: 'trash',
  summary: 'delete images, restore deleted ones',
  commands: [
    {
      name: 'list',
      summary: 'list deleted images that can be restored',
      arguments: [repository],
      printsData: true,
      load: async () => (await import('./trash.ts')).listTrash,
    },
    {
      name: 'put',
      summary: 'delete images with their tags and with what only they keep',
      arguments: [['[REF...]', 'images: team/app:1.0 or team/app@sha256:…']],
      options: [
        ['--dry-run', 'print what would be deleted; with --json a plan for --plan'],
        ['--plan <FILE>', 'delete what a plan names, except images that have changed since'],
        ['--reason <TEXT>', 'why, for the trash and the history of tags'],
      ],
      printsData: true,
      load: async () => (await import('./trash.ts')).putIntoTrash,
    },
    {
      name: 'restore',
      summary: 'restore an entry of the trash: its manifests and tags',
      arguments: [
        ['REPOSITORY', 'the repository'],
        ['ENTRY', 'the id that berth trash list prints'],
      ],
      options: [['--rename <LIST>', 'other names for tags that have moved since, such as 1.0=1.0-old']],
      printsData: true,
      load: async () => (await import('./trash.ts')).restoreTrash,
    },
    {
      name: 'empty',
      summary: 'delete for good what is in the trash',
      arguments: [repository],
      options: [
        ['--entry <LIST>', 'only these entries, such as 17,18'],
        ['--dry-run', 'print what would be deleted'],
      ],
      printsData: true,
      load: async () => (await import('./trash.ts')).emptyTrash,
    },
  ],
};

const hold: CommandGroup = {
  name: 'hold',
  summary: 'keep images from being deleted',
  commands: [
    {
      name: 'add',
      summary: 'put a hold on an image',
      arguments: [reference],
      options: [
        ['--reason <TEXT>', 'why it must not be deleted'],
        ['--until <DURATION>', 'time until the hold ends, such as 90d; default: no end'],
      ],
      printsData: true,
      load: async () => (await import('./hold.ts')).addHold,
    },
    {
      name: 'list',
      summary: 'list the holds',
      arguments: [repository],
      printsData: true,
      load: async () => (await import('./hold.ts')).listHolds,
    },
    {
      name: 'remove',
      summary: 'end the hold of an image',
      arguments: [reference],
      printsData: true,
      load: async () => (await import('./hold.ts')).removeHold,
    },
  ],
};

const tag: CommandGroup = {
  name: 'tag',
  summary: 'show and undo moves of tags',
  commands: [
    {
      name: 'history',
      summary: 'list the moves of a tag in the last 400 days, newest first',
      arguments: [['REPOSITORY:TAG', 'the tag']],
      options: [['--limit <COUNT>', 'number of moves; default: 100']],
      printsData: true,
      load: async () => (await import('./tag.ts')).listTagHistory,
    },
    {
      name: 'restore',
      summary: 'point a tag at a former image, also at a deleted one',
      arguments: [['REPOSITORY:TAG', 'the tag']],
      options: [['--to <DIGEST>', 'the image; default: the one before the last move']],
      printsData: true,
      load: async () => (await import('./tag.ts')).restoreTag,
    },
  ],
};

const why: Command = {
  name: 'why',
  summary: 'explain what keeps an image, and what deleting it frees',
  arguments: [reference],
  printsData: true,
  load: async () => (await import('./why.ts')).explainContent,
};

/** Commands that work on content. */
export const contentCommands: readonly (Command | CommandGroup)[] = [trash, hold, tag, why];
