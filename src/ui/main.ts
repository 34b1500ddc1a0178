/** The scripts of the page. Every view works without them. */
import { addCopyButtons } from './copy.ts';
import { addShortcuts } from './shortcuts.ts';

addCopyButtons();
if (document.body.dataset['shortcuts'] !== 'off') addShortcuts();
