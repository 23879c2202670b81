import { render } from 'preact';
import { App } from './app.js';
import './styles/base.css';
import './styles/layout.css';
import './styles/parts.css';
import './styles/saga.css';
import './styles/narrow.css';

render(<App />, document.querySelector('#app')!);
