import type { PeerReasonCode } from '../../src/client/index.ts';
import type { Announcement } from '../call/announcements.ts';
import type { Notice } from '../call/notice.ts';
import type { Trouble } from '../media/trouble.ts';

/** Every word the page says, in English. Other languages have the same keys: the compiler sees to it. */

const people = (n: number) => (n === 1 ? '1 person' : `${n} people`);
const seconds = (n: number) => `${n} s`;

export const en = {
  locale: 'en',
  otherLanguage: '日本語',
  title: 'Bloom',
  titleInRoom: 'In a call · Bloom',

  start: {
    heading: 'A room to talk in',
    lead: 'Create a room and send its link. Voice, video and screens go straight from browser to browser: nothing is recorded, and there is nothing to install.',
    invited: 'You are invited',
    invitedLead: 'See how you look and sound, then join.',
    leftHeading: 'You left the room',
    leftLead: 'The link still works while somebody is there.',
    movedHeading: 'The call is in another tab',
    movedLead: 'Go on there, or bring the call back to this tab.',
    goneHeading: 'This room is closed',
    goneLead: 'Open it again under the same link, or start another room.',
    fullHeading: 'This room is full',
    fullLead: 'Every place is taken.',
    badHeading: 'This link does not work',
    badLead: 'Ask for it again, or create a room.',
    failedHeading: 'The call has ended',
    failedLead: 'Try again, or start another room.',
    name: 'Your name',
    namePlaceholder: 'What others see',
    create: 'Create room',
    join: 'Join room',
    or: 'or join one',
    link: 'Room link or ID',
    linkPlaceholder: 'Paste it here',
    linkMissing: 'Paste the link you were sent, or the room’s ID.',
    linkBad: 'There is no room ID in this. It looks like 3f2c8e0a-5b1d-4c7e-9a64-1d2e3f405162.',
    entering: 'Connecting…',
    waiting: 'Waiting for a free place. You join as soon as there is one.',
    returning: 'Back to your call…',
    cancel: 'Cancel',
    ownRoom: 'Or start a room of your own:',
    reopen: 'Open it again',
    elsewhere: 'You are in this call in another tab.',
    move: 'Move the call here',
  },

  notices: {
    left: '',
    moved: '',
    badLink: 'There is no room in this link. Ask for it again, or create a room.',
    roomNotFound:
      'Room not found. It closes a while after the last person leaves. You can open it again under the same link.',
    roomFull: 'This room is full. Try again when somebody has left.',
    serverFull: 'The server cannot open the room right now. Try again in a moment.',
    tooManyAttempts: 'Too many attempts from here. Wait a minute, then try again.',
    failed: 'The connection to the server ended. Try again to go on.',
  } satisfies Record<Notice, string>,

  preview: {
    label: 'Preview',
    cameraOff: 'Your camera is off',
    cameraOpening: 'Starting your camera…',
    level: 'Microphone level',
    check: 'Check microphone',
    checking: 'Allow the microphone when the browser asks',
    muted: 'You will join muted',
    click: 'Click anywhere, then say something: the bar moves when you are heard',
    speak: 'Say something: the bar moves when you are heard',
  },

  controls: {
    label: 'Call controls',
    mute: 'Mute',
    unmute: 'Unmute',
    cameraOn: 'Turn camera on',
    cameraOff: 'Turn camera off',
    share: 'Share screen',
    unshare: 'Stop sharing',
    leave: 'Leave',
    chat: 'Chat',
    unread: (n: number) => `Chat, ${n} new`,
    settings: 'Settings',
    connection: 'Connection details',
    short: { camera: 'Camera', share: 'Share', unshare: 'Stop', connection: 'Details' },
  },

  invitation: {
    heading: 'Nobody else is here yet',
    lead: 'Send this link to the people who should join. It opens this room for anyone who has it.',
    label: 'Room link',
    copy: 'Copy link',
    copied: 'Link copied',
    share: 'Send link…',
    shareTitle: 'Join my call',
    notCopied: 'Could not copy: select the link and copy it by hand.',
  },

  participants: {
    label: 'Participants',
    you: 'you',
    guest: 'Guest',
    muted: 'muted',
    speaking: 'speaking',
    enlarge: (name: string) => `Make ${name} big`,
    cameraOf: (name: string) => `${name}, camera`,
    screenOf: (name: string) => `${name} is sharing their screen`,
    ownScreen: 'You are sharing your screen',
    screens: 'Shared screens',
    fullscreen: 'Full screen',
    enlargeScreen: (name: string) => `Make the screen of ${name} big`,
    sound: 'Turn sound on',
    soundLead: 'Your browser is holding back the sound of this call.',
    states: {
      connecting: 'Connecting…',
      connected: 'Connected',
      interrupted: 'Server connection lost',
      reconnecting: 'Reconnecting…',
      failed: 'No connection',
      closed: 'Gone',
    },
    troubled: 'Connected in part',
    qualities: { weak: 'Weak connection', bad: 'Bad connection' },
  },

  status: {
    idle: '',
    connecting: 'Connecting…',
    alone: 'Connected',
    people,
    connected: (n: number) => `Connected to ${people(n)}`,
    reachingPeers: (names: string) => `Connecting to ${names}…`,
    lostPeers: (names: string) => `Connection to ${names} lost. Reconnecting…`,
    failedPeers: (names: string) => `No connection to ${names}. It is tried again every minute.`,
    interruptedPeers: (names: string) => `${names}: server connection lost. The call goes on.`,
    waitingFor: (n: number) => `(in ${seconds(n)})`,
    unreachable: 'The server cannot be reached. Trying again…',
    reconnecting: 'Server connection lost. Reconnecting…',
    offline: 'No network. Reconnecting when it is back.',
    closed: 'Disconnected',
    mediaGoesOn: 'The call goes on.',
    troubledPeers: (names: string) => `${names} is connected in part.`,
    weakPeers: (names: string) => `Weak connection to ${names}`,
    badPeers: (names: string) => `Bad connection to ${names}: sound and pictures may stop`,
    rtt: (ms: number) => `${ms} ms`,
  },

  details: {
    heading: 'Connection',
    server: 'Server',
    attempt: 'Attempt',
    reason: 'Why',
    error: 'Last error',
    id: 'ID',
    nobody: 'Nobody else is here.',
    state: 'State',
    rtt: 'Round trip',
    route: 'Route',
    routeOf: (local: string, remote: string, protocol: string) => `${local} → ${remote}, ${protocol}`,
    routeTypes: { host: 'direct', srflx: 'through NAT', prflx: 'through NAT', relay: 'relay' },
    addresses: 'Addresses',
    sent: 'Sent',
    received: 'Received',
    audio: 'Audio in',
    video: 'Video in',
    packets: (n: number, lost: number) => `${n} packets, ${lost} lost`,
    jitter: (ms: number) => `jitter ${ms} ms`,
    level: (level: number) => `level ${level.toFixed(3)}`,
    frames: (width: number, height: number, fps: number) => `${width}×${height}, ${fps} fps`,
  },

  reasons: {
    TurnRefused: 'The relay server (TURN) refuses the password.',
    TurnUnreachable: 'There is no direct path, and the relay server (TURN) does not answer.',
    NoTurnServer: 'Only relays may be used, and no relay server (TURN) is configured.',
    NoCandidates: 'This device has no network address.',
    NoRemoteCandidates: 'The other device has named no network address.',
    AddressFamilies: 'One device has only IPv4, the other only IPv6.',
    NoRoute: 'No packet gets through: a firewall may block it.',
    Lost: 'The network path was lost.',
    NoAnswer: 'The other device does not answer.',
    TooLarge: 'More is sent than the server allows: stop a camera or a screen.',
    NegotiationFailed: 'The two browsers do not agree on the connection.',
  } satisfies Record<PeerReasonCode, string>,

  settings: {
    heading: 'Settings',
    devices: 'Devices',
    microphone: 'Microphone',
    camera: 'Camera',
    speaker: 'Speaker',
    systemDefault: 'System default',
    device: (n: number) => `Device ${n}`,
    noneYet: 'Devices can be chosen once the microphone or camera is in use.',
  },

  chat: {
    heading: 'Chat',
    message: 'Message',
    placeholder: 'Write a message',
    send: 'Send',
    empty: 'Messages go to the people who are here now. No server keeps them.',
    nobody: 'Nobody else is here to read it.',
    newMessages: (n: number) => (n === 1 ? '1 new message' : `${n} new messages`),
  },

  panel: { close: 'Close' },

  leaving: {
    heading: 'Leave the call?',
    lead: 'The others stay. You can come back by the same link.',
    stay: 'Stay',
    leave: 'Leave the call',
  },

  trouble: {
    microphone: {
      denied:
        'Your microphone is blocked. To speak, allow it for this site (the icon beside the address), then unmute. You can listen until then.',
      missing: 'No microphone found. You can still join and listen. To speak, plug one in, then unmute.',
      busy: 'Your microphone is in use by another program. Close that one, then unmute. Until then you can listen.',
      insecure:
        'Browsers give the microphone only to pages from https. You can listen here; to speak, open this page by https.',
      ended: 'Your microphone has stopped. You can listen; unmute to try again.',
      failed: 'Your microphone could not be started. You can listen; unmute to try again.',
    },
    camera: {
      denied:
        'Your camera is blocked. To be seen, allow it for this site (the icon beside the address), then turn it on again.',
      missing: 'No camera found. Plug one in, then turn it on again.',
      busy: 'Your camera is in use by another program. Close that one, then turn it on again.',
      insecure: 'Browsers give the camera only to pages from https.',
      ended:
        'Your camera has stopped: it was unplugged, or is not allowed any more. Turn it on to try again.',
      failed: 'Your camera could not be started. Turn it on to try again.',
    },
    screen: {
      denied: 'The screen is not shared: it was not allowed. Share again to choose what others see.',
      missing: 'There is no screen to share.',
      busy: 'The system does not let the screen be captured.',
      insecure: 'Browsers let only pages from https share the screen.',
      ended: 'The screen is not shared any more.',
      failed: 'This browser cannot share the screen.',
    },
    dismiss: 'Dismiss',
  } satisfies Record<'microphone' | 'camera' | 'screen', Record<Trouble, string>> & { dismiss: string },

  announcements: {
    joined: (name: string) => `${name} is here`,
    left: (name: string) => `${name} left`,
    shares: (name: string) => `${name} is sharing their screen`,
    sharesNoMore: (name: string) => `${name} stopped sharing`,
    lost: (name: string) => `Connection to ${name} lost, reconnecting`,
    failed: (name: string) => `No connection to ${name}`,
    back: (name: string) => `${name} is connected`,
  } satisfies Record<Announcement['type'], (name: string) => string>,

  captions: {
    entered: 'You are in the room',
    sharing: 'You are sharing your screen',
    sharingEnded: 'You stopped sharing',
    message: (name: string, text: string) => `${name}: ${text}`,
  },
};

export type Text = typeof en;
