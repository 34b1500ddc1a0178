/** The scripts of the page. Every view works without them. */
import { addCopyButtons } from './copy.ts';
import { defineJob } from './jobs.ts';
import { watchPending } from './pending.ts';
import { addShortcuts } from './shortcuts.ts';
import { defineUpload } from './upload.ts';

addCopyButtons();
defineUpload();
defineJob();
watchPending();
if (document.body.dataset['shortcuts'] !== 'off') addShortcuts();
