/* What the page says, in both languages. Sentences of alarms are made here from their kind and subject. */
'use strict';

const WORDS = {
en: {
	skip: 'Skip to content', sections: 'Sections', levels: 'What works', alarms: 'Alarms', drawing: 'Links now', links: 'Each link',
	meter: 'Link meter', outages: 'Outage clock', members: 'Members', events: 'What happened',
	'tab-now': 'Now', 'tab-links': 'Links', 'tab-meter': 'Meter', 'tab-outages': 'Outages', 'tab-members': 'Members',
	language: '中文', 'language-label': '切换到中文', 'theme-auto': 'Theme: as the device', 'theme-day': 'Theme: day',
	'theme-night': 'Theme: night', key: 'Pair this browser', 'key-paired': 'This browser is paired',
	live: 'live', connecting: 'connecting', lost: 'no contact with this node for {age}',
	city: 'City', district: 'District', town: 'Town', scene: 'Scene',
	text: 'Text', command: 'Voice', bulk: 'Pictures',
	works: 'works', unknown: 'unknown', 'cut-off': 'cut off', nobody: 'nobody known', fails: 'fails', 'no-way': 'no way',
	never: 'untested', green: 'Green: tested within {n} s.',
	reachable: '{n} of {all} reachable', here: 'this node', watched: 'watched',
	'v-healthy': 'All is well', 'v-degraded': 'Something is missing', 'v-alone': 'Alone', 'v-stale': 'Unknown',
	's-healthy': 'Everybody who commands can be reached. {n} neighbours.', 's-healthy-1': 'Everybody who commands can be reached. One neighbour.',
	's-degraded': 'What, and what to do about it: under Alarms.', 's-alone': 'No other node is in contact.',
	's-stale': 'This page has heard nothing from its node. What is below is old.',
	'no-alarm': 'No alarm.', since: 'for {age}', action: 'Do', soon: 'Just noticed', fragile: 'Fragile', spreading: 'On its way', ending: 'Ends soon', 'over-ago': 'ended {age} ago, after {span}',
	silent: 'silent for {age} more', silence: 'Silence for 1 h', unsilence: 'End silence', test: 'Test now', testing: 'Asked; the answer shows here',
	'with-it': 'With it: {names}', 'as-node': 'As the node says it: {text}',
	more: '+{n} more', routers: 'Other routers', 'no-nodes': 'No other node is known yet.',
	good: 'good', fair: 'fair', poor: 'poor', down: 'dead', far: 'behind another node', 'drawing-label': 'This node and whom it reaches: {text}',
	'k-ethernet': 'Ethernet', 'k-udp': 'IP', 'k-serial': 'serial line', 'k-pipe': 'modem', 'k-babel': 'other routers',
	'k-mesh-radio': 'mesh radio', 'k-fibre': 'fibre or cable', 'k-wired': 'cable', 'k-geo-satellite': 'satellite (GEO)', 'k-leo-satellite': 'satellite (LEO)', 'k-cellular': '4G/5G', 'k-narrowband': 'narrowband', 'k-short-message': 'short messages',
	state: 'State', up: 'up', missing: 'not there', 'no-carrier': 'no carrier', error: 'error',
	rtt: '{n} ms', heard: 'heard {age} ago', 'no-neighbour': 'nobody there', share: '{n} % for the mesh itself', sent: 'sent {out}, received {in}',
	'meter-pick': 'Neighbour', 'meter-none': 'No neighbour yet. Switch on the second node, then walk.', 'we-hear': 'We hear them', 'they-hear': 'They hear us',
	mark: 'Mark this spot', better: '{n} better than the marked spot', worse: '{n} worse than the marked spot', same: 'as good as the marked spot', unmarked: 'Mark a spot, walk on, and see which is better.',
	sound: 'Sound', 'sound-on': 'Sound is on', gone: 'no contact for {age}', quality: 'Link quality {n} of 100', 'no-rtt': 'not measured',
	'no-watch': 'No site is watched. Name your command posts in the node’s file: node: {watch: [NAME]}', whole: 'whole',
	contact: 'contact', picture: 'first picture', voice: 'first voice', 'first-text': 'first text', restored: 'restored', start: 'since this node started', 'not-yet': 'not yet',
	past: 'Earlier outages', 'lost-what': 'lost {what}', without: 'no {what}', none: 'none', 'clock-note': 'Dates are by this node’s clock: {date}.',
	revoked: 'revoked', replaced: 'replaced', gateway: 'gateway', 'command-post': 'command post', guest: 'guest', 'guest-of': 'guest of {agency}', ended: 'its time is over', list: 'List of who is out: number {n} of {date}, {count} out. {known} of {all} that can be reached know it.', 'no-list': 'Nobody is out.', logs: 'Copies of incident logs here: of {n} other members, the newest {age} old.', find: 'Find a member', 'route-no': 'no route', via: 'by {link}', 'via-node': 'by {link}, over {via}',
	messages: 'Messages', 'tab-messages': 'Texts', 'messages-pair': 'To read and write messages, pair this browser: the key, top right.', 'no-messages': 'No message yet.',
	'to-label': 'To', 'text-label': 'Text', urgent: 'Urgent', send: 'Send', left: '{n} bytes left', 'too-long': '{n} bytes too long',
	'to-whom': 'To {name}', 'from-whom': 'From {name}', ago: '{age} ago', colon: ': ', comma: ', ', new: 'new',
	'm-queued': 'Waits here', 'm-left': 'Left by {link}, taken by {at}', 'm-reached': 'Reached {at}, waits there', 'm-delivered': 'Delivered', 'm-expired': 'Expired: nobody knows that it arrived',
	'w-store': 'being written to the disk', 'w-way': 'no way there now', 'w-turn': 'others go first', 'w-answer': 'the next node has not answered yet', 'w-full': 'the next node has no room', 'w-old': 'the next node is too old for messages', 'w-out': 'the member is revoked; it goes to who takes its place',
	pair: 'Pair this browser', code: 'Code', cancel: 'Cancel', 'pair-go': 'Pair',
	'pair-text': 'Reading needs nothing. To silence alarms, to test and to write messages from here, type the six digits that “meshctl pair” shows on the node.',
	'paired-text': 'This browser may silence alarms, test, and read and write messages. It stays so for 12 hours, or until the node restarts.', unpair: 'End pairing',
	'e-wrong-code': 'That is not the code. Look at it again.', 'e-no-code': 'The code is used up or too old. Ask for another: meshctl pair', 'e-no-pairing': 'Pairing is switched off in the node’s file.', 'e-unpaired': 'This browser is not paired any more.', 'e-lost': 'The node does not answer.',
	foot: 'meshd {version}, running for {age}. Everything here comes from this node.',
	's': '{n} s', 'min': '{n} min', 'h': '{n} h', 'd': '{n} d',
	'a-alone': ['No other node is in contact.', 'Switch on a second node; check power, antennas and cables.'],
	'a-level-cut-off': ['{level}: nobody can be reached.', 'Look at the links that lead there; raise an antenna, or move a relay.'],
	'a-post-cut-off': ['Command post {subject} cannot be reached.', 'Ask over the radio what was switched off there.'],
	'a-urgent-late': ['An urgent message to {subject} has not arrived.', 'Say it over the radio. Under Texts stands where it waits.'],
	'a-refused': ['Link {subject}: somebody was turned away.', 'If it is one of yours, enrol it again; if not, tell the command post which link, and how often.'],
	'a-foreign-keys': ['Link {subject}: a machine there has the keys of another deployment.', 'If it is one of yours, another authority enrolled it: enrol it again. Else it is another team: use another channel than they do.'],
	'a-duplicate': ['Another machine runs with this node’s keys.', 'Find that machine and switch it off, or enrol it under its own name.'],
	'a-link-down': ['Link {subject} is down, or nobody answers there.', 'Check power, plug and antenna at both ends.'],
	'a-link-one-way': ['Link {subject}: somebody is heard, but does not hear this node.', 'Look at the transmitter here: power, antenna, plug. Is the other receiver drowned in noise?'],
	'a-one-path-left': ['What had several ways hangs on {subject} alone now.', 'Give this node a second link in that direction; protect the power of {subject}.'],
	'a-link-flapping': ['Link {subject} comes and goes.', 'Look at antenna, plugs and power.'],
	'a-link-worse': ['Link {subject} is worse than an hour ago.', 'Look at antennas and power at both ends, and what was put up between them; else move a relay.'],
	'a-budget': ['Link {subject}: the mesh takes too much of it for itself.', 'Check the rate that is written for it, and how many nodes share the channel.'],
	'a-link-full': ['Link {subject} is full.', 'Send less there. What can wait, wait for a faster link.'],
	'a-mtu': ['Link {subject}: large frames do not arrive.', 'Smaller ones are sent meanwhile. Write the mtu into the file at both ends.'],
	'a-network-twice': ['Two members have the network {subject}.', 'One of the two LANs needs another network: enrol that node again with it.'],
	'a-clock': ['The clock of this node is not right.', 'Set it, or give it GNSS. Only the times in reports depend on it.'],
	'a-kernel-refused': ['The kernel did not take a route.', 'See what happened: kernel-refused.'],
	'a-state-unwritable': ['What this node must remember cannot be written.', 'Free some space, or make the folder writable.'],
	'a-trial': ['Another configuration is on trial; it is undone in {left}.', 'If all is well: meshctl reload --keep'],
	'a-steer-avoid': ['Link {link} is avoided for {left} more.', 'To end it now: meshctl avoid {link} --off'],
	'a-steer-prefer': ['Link {link} is preferred for {left} more.', 'To end it now: meshctl prefer {link} --off'],
	'a-steer-cost': ['Ways over {link} cost more, for {left} more.', 'To end it now: meshctl cost {link} --off'],
	'a-steer-drain': ['Others pass this node by, for {left} more.', 'To end it now: meshctl drain --off'],
	'a-one-path': ['{sites} hangs on one path: {link} to {via}.', 'Give this node a second link in that direction.'],
	'a-one-node': ['{sites} hangs on one node: {via}.', 'Give this node a link that does not lead there; protect its power.'],
	'a-guest-ends': ['The time of guest {sites} ends in {left}.', 'If it is to stay: meshctl guest --extend'],
	'a-list-spreads': ['List {n} of who is out: {known} of {all} know it, not yet {sites}.', 'Wait a minute. If one is left over, switch it on again, or carry the list there.'],
	'and-more': '{names} and {n} more',
},
zh: {
	skip: '跳到正文', sections: '栏目', levels: '什么能通', alarms: '告警', drawing: '链路图', links: '各条链路',
	meter: '链路测试', outages: '中断计时', members: '成员', events: '事件记录',
	'tab-now': '现状', 'tab-links': '链路', 'tab-meter': '测试', 'tab-outages': '中断', 'tab-members': '成员',
	language: 'EN', 'language-label': 'Switch to English', 'theme-auto': '主题：跟随设备', 'theme-day': '主题：白天',
	'theme-night': '主题：夜间', key: '配对此浏览器', 'key-paired': '此浏览器已配对',
	live: '实时', connecting: '正在连接', lost: '与本节点失去联系 {age}',
	city: '市级', district: '区县', town: '乡镇', scene: '现场',
	text: '文字', command: '语音', bulk: '图片',
	works: '畅通', unknown: '未知', 'cut-off': '中断', nobody: '尚无成员', fails: '不通', 'no-way': '无路由',
	never: '尚未测试', green: '绿色：{n} 秒内测试过。',
	reachable: '可达 {n}/{all}', here: '本节点', watched: '监视中',
	'v-healthy': '一切正常', 'v-degraded': '有缺失', 'v-alone': '孤立', 'v-stale': '未知',
	's-healthy': '各级指挥均可到达，邻居 {n} 个。', 's-healthy-1': '各级指挥均可到达，邻居 1 个。',
	's-degraded': '缺什么、怎么办，见“告警”。', 's-alone': '没有与任何其他节点联系上。',
	's-stale': '页面收不到节点的消息，下方内容已过时。',
	'no-alarm': '没有告警。', since: '已持续 {age}', action: '处置', soon: '刚刚发现', fragile: '薄弱处', spreading: '传达中', ending: '即将到期', 'over-ago': '{age}前结束，持续 {span}',
	silent: '静默中，还有 {age}', silence: '静默 1 小时', unsilence: '取消静默', test: '立即测试', testing: '已询问，结果将显示在此',
	'with-it': '同因：{names}', 'as-node': '节点原文：{text}',
	more: '另有 {n} 个', routers: '其他路由器', 'no-nodes': '尚不知道其他节点。',
	good: '良好', fair: '一般', poor: '较差', down: '不通', far: '在其他节点之后', 'drawing-label': '本节点与可达节点：{text}',
	'k-ethernet': '以太网', 'k-udp': 'IP', 'k-serial': '串口', 'k-pipe': '调制解调器', 'k-babel': '其他路由器',
	'k-mesh-radio': '自组网电台', 'k-fibre': '光纤或网线', 'k-wired': '网线', 'k-geo-satellite': '卫星（GEO）', 'k-leo-satellite': '卫星（LEO）', 'k-cellular': '4G/5G', 'k-narrowband': '窄带', 'k-short-message': '短报文',
	state: '状态', up: '正常', missing: '不存在', 'no-carrier': '无载波', error: '故障',
	rtt: '{n} 毫秒', heard: '{age}前收到', 'no-neighbour': '无人应答', share: '组网自用 {n}%', sent: '发 {out}，收 {in}',
	'meter-pick': '邻居', 'meter-none': '还没有邻居。请先打开第二个节点，再移动。', 'we-hear': '我方收对方', 'they-hear': '对方收我方',
	mark: '标记此处', better: '比标记处高 {n}', worse: '比标记处低 {n}', same: '与标记处相同', unmarked: '标记一处，再走动，比较哪里更好。',
	sound: '声音', 'sound-on': '声音已开', gone: '失去联系 {age}', quality: '链路质量 {n}（满分 100）', 'no-rtt': '未测',
	'no-watch': '没有监视任何站点。请在节点配置中写上指挥部名称：node: {watch: [名称]}', whole: '完好',
	contact: '首次联系', picture: '首张图片', voice: '首次语音', 'first-text': '首条文字', restored: '完全恢复', start: '自本节点启动', 'not-yet': '尚未',
	past: '以往中断', 'lost-what': '失去{what}', without: '无{what}', none: '无', 'clock-note': '日期以本节点时钟为准：{date}。',
	revoked: '已吊销', replaced: '已替换', gateway: '网关', 'command-post': '指挥部', guest: '外来', 'guest-of': '外来（{agency}）', ended: '已到期', list: '吊销名单：第 {n} 号，{date} 签发，共 {count} 个。可达的 {all} 个节点中已有 {known} 个知道。', 'no-list': '没有被吊销的节点。', logs: '本节点存有 {n} 个成员的事件日志副本，最新的是 {age}前的。', find: '查找成员', 'route-no': '无路由', via: '经 {link}', 'via-node': '经 {link}，由 {via} 转',
	messages: '短信', 'tab-messages': '短信', 'messages-pair': '要收发短信，请先配对此浏览器：点右上角的钥匙。', 'no-messages': '还没有短信。',
	'to-label': '发给', 'text-label': '内容', urgent: '紧急', send: '发送', left: '还可写 {n} 字节', 'too-long': '超出 {n} 字节',
	'to-whom': '发给 {name}', 'from-whom': '来自 {name}', ago: '{age}前', colon: '：', comma: '，', new: '新到',
	'm-queued': '在此等待', 'm-left': '已由 {link} 发出，{at} 已接收', 'm-reached': '已到 {at}，在那里等待', 'm-delivered': '已送达', 'm-expired': '已过期：不知道是否送达',
	'w-store': '正在写入磁盘', 'w-way': '目前没有路', 'w-turn': '排队中', 'w-answer': '下一节点还没有应答', 'w-full': '下一节点没有空间', 'w-old': '下一节点版本太旧，不能传短信', 'w-out': '该成员已吊销；将发给接替者',
	pair: '配对此浏览器', code: '配对码', cancel: '取消', 'pair-go': '配对',
	'pair-text': '只看不需要配对。要在此静默告警、发起测试或收发短信，请输入节点上 “meshctl pair” 显示的六位数字。',
	'paired-text': '此浏览器可以静默告警、发起测试、收发短信。12 小时内有效，节点重启后失效。', unpair: '取消配对',
	'e-wrong-code': '配对码不对，请再看一遍。', 'e-no-code': '配对码已用过或已过期，请在节点上重新执行：meshctl pair', 'e-no-pairing': '节点配置中已关闭配对。', 'e-unpaired': '此浏览器的配对已失效。', 'e-lost': '节点没有应答。',
	foot: 'meshd {version}，已运行 {age}。本页内容全部来自本节点。',
	's': '{n} 秒', 'min': '{n} 分钟', 'h': '{n} 小时', 'd': '{n} 天',
	'a-alone': ['没有与任何其他节点联系上。', '打开第二个节点；检查电源、天线和线缆。'],
	'a-level-cut-off': ['{level}：一个节点也到不了。', '检查通往那里的链路；升高天线，或移动中继。'],
	'a-post-cut-off': ['到不了指挥部 {subject}。', '用电台询问对方关掉了什么。'],
	'a-urgent-late': ['给 {subject} 的紧急短信还没有送达。', '用电台告知对方。在“短信”里看它停在哪里。'],
	'a-refused': ['链路 {subject}：有设备被拒绝加入。', '若是自己的设备，请重新登记；若不是，报告指挥部：哪条链路、多少次。'],
	'a-foreign-keys': ['链路 {subject}：那里有设备持有另一套网络的密钥。', '若是自己的设备，它由另一个管理密钥登记：请重新登记。否则是别的队伍：换一个信道。'],
	'a-duplicate': ['另一台机器在用本节点的密钥。', '找到那台机器并关掉，或以它自己的名字登记。'],
	'a-link-down': ['链路 {subject} 中断，或对端无应答。', '检查两端的电源、插头和天线。'],
	'a-link-one-way': ['链路 {subject}：收得到对方，对方收不到本节点。', '检查本端发射：电源、天线、插头；对方接收是否受干扰。'],
	'a-one-path-left': ['原有几条路的站点，现在只靠 {subject}。', '给本节点加一条同方向的链路；保护 {subject} 的电源。'],
	'a-link-flapping': ['链路 {subject} 时通时断。', '检查天线、插头和电源。'],
	'a-link-worse': ['链路 {subject} 比一小时前差。', '检查两端天线和电源，以及中间新出现的遮挡；不行就移动中继。'],
	'a-budget': ['链路 {subject}：组网自身占用过多。', '检查所写的速率，以及共用此信道的节点数。'],
	'a-link-full': ['链路 {subject} 已占满。', '少从这里发；能等的，等更快的链路。'],
	'a-mtu': ['链路 {subject}：大帧到不了。', '目前改发小帧。请在两端配置中写明 mtu。'],
	'a-network-twice': ['两个成员有同一网段 {subject}。', '其中一个局域网要换网段：用新网段重新登记那个节点。'],
	'a-clock': ['本节点的时钟不对。', '校准时钟，或接上北斗/GNSS。只影响报告里的时间。'],
	'a-kernel-refused': ['内核没有接受一条路由。', '查看事件记录：kernel-refused。'],
	'a-state-unwritable': ['本节点需要保存的内容写不进去。', '清理空间，或使该目录可写。'],
	'a-trial': ['正在试用另一份配置，{left}后自动撤回。', '若一切正常：meshctl reload --keep'],
	'a-steer-avoid': ['暂时避用链路 {link}，还有{left}。', '提前结束：meshctl avoid {link} --off'],
	'a-steer-prefer': ['暂时优先用链路 {link}，还有{left}。', '提前结束：meshctl prefer {link} --off'],
	'a-steer-cost': ['链路 {link} 的代价暂时调高，还有{left}。', '提前结束：meshctl cost {link} --off'],
	'a-steer-drain': ['其他节点暂时绕开本节点，还有{left}。', '提前结束：meshctl drain --off'],
	'a-one-path': ['{sites} 只靠一条路：{link} 到 {via}。', '给本节点加一条同方向的链路。'],
	'a-one-node': ['{sites} 只靠一个节点：{via}。', '给本节点加一条不经过它的链路；保护它的电源。'],
	'a-guest-ends': ['外来成员 {sites} 的期限还有{left}。', '若要留下：meshctl guest --extend'],
	'a-list-spreads': ['吊销名单第 {n} 号：{all} 个中 {known} 个已知，{sites} 尚未得知。', '等一分钟。若仍有一个不知道，重启它，或把名单带过去。'],
	'and-more': '{names} 等，另有 {n} 个',
},
};

let language = 'en';

function word(key, params) {
	let text = WORDS[language][key];
	if (text === undefined)
		return key;
	for (const name in params || {})
		text = text.split('{' + name + '}').join(params[name]);
	return text;
}

/* [what is wrong, what to do] of an alarm or a warning; null: a kind that this page does not know. */
function sentences(kind, params) {
	const pair = WORDS[language]['a-' + kind];
	const fill = text => Object.keys(params).reduce((s, name) => s.split('{' + name + '}').join(params[name]), text);
	return pair ? [fill(pair[0]), fill(pair[1])] : null;
}

/* "3 min" */
function span(seconds) {
	const s = Math.max(0, Math.floor(seconds));
	if (s < 100)
		return word('s', {n: s});
	if (s < 100 * 60)
		return word('min', {n: Math.round(s / 60)});
	return s < 72 * 3600 ? word('h', {n: Math.round(s / 3600)}) : word('d', {n: Math.round(s / 86400)});
}

/* "1:02:03" */
function clock(seconds) {
	const s = Math.max(0, Math.floor(seconds)), two = n => String(n).padStart(2, '0');
	return (s >= 3600 ? Math.floor(s / 3600) + ':' + two(Math.floor(s / 60) % 60) : String(Math.floor(s / 60))) + ':' + two(s % 60);
}

function date(unixSeconds) {
	const d = new Date(unixSeconds * 1000), two = n => String(n).padStart(2, '0');
	return d.getFullYear() + '-' + two(d.getMonth() + 1) + '-' + two(d.getDate()) + ' ' + two(d.getHours()) + ':' + two(d.getMinutes());
}

function bytes(n) {
	const units = ['B', 'kB', 'MB', 'GB', 'TB'];
	let i = 0;
	while (n >= 1000 && i < units.length - 1) {
		n /= 1000;
		i++;
	}
	return (n < 10 && i ? n.toFixed(1) : Math.round(n)) + ' ' + units[i];
}
