export type { ListenAddress } from './listen-address.js';
