import type { Command, CommandGroup } from '../program/command.ts';
import { hold, reference } from './hold-commands.ts';
import { trash } from './trash-commands.ts';

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
