// What tsc leaves undone: the command is made executable, and files that are not TypeScript are put beside the compiled ones.
import { chmodSync, cpSync, existsSync } from 'node:fs';

const command = 'dist/src/main/backstep.js';
if (existsSync(command)) chmodSync(command, 0o755);

// The dashboard is built by Vite.
const isAsset = (path) => !/\.(ts|tsx|md)$/.test(path) && !/^src[\\/]dashboard(?:[\\/]|$)/.test(path);
for (const folder of ['src', 'sagas']) {
  if (existsSync(folder)) cpSync(folder, `dist/${folder}`, { recursive: true, filter: isAsset });
}
