-- Wireshark and tshark: what can be seen of sealed links (docs/frames.md), which is types, indices, counters and
-- lengths. Put it into ~/.local/lib/wireshark/plugins, or: tshark -X lua_script:meshd.lua -r radio.pcap
-- On Ethernet by its type, on UDP by the look of a frame. Thin links have no Ethernet and no UDP around their frames.

local mesh = Proto("meshd", "meshd sealed frame")

local DATA, INIT, RESPONSE, FIN, COOKIE, BEACON, PLEA, ANSWER = 10, 1, 2, 3, 4, 5, 7, 8
local names = {
	[INIT] = "handshake init", [RESPONSE] = "handshake response", [FIN] = "handshake fin",
	[COOKIE] = "cookie", [BEACON] = "beacon", [DATA] = "data",
	[PLEA] = "plea", [ANSWER] = "answer",
}
local TAG, DATA_HEADER, HANDSHAKE_MIN, COOKIE_LENGTH, BEACON_LENGTH, PLEA_LENGTH, ANSWER_MIN = 16, 16, 88, 64, 44, 480, 13

local f = {
	length = ProtoField.uint16("meshd.length", "Length of the frame on Ethernet"),
	type = ProtoField.uint8("meshd.type", "Type", base.DEC, names),
	ik = ProtoField.bool("meshd.ik", "IK: the caller knows whom it calls", 8, nil, 0x01),
	sender = ProtoField.uint32("meshd.sender", "Sender index", base.HEX),
	receiver = ProtoField.uint32("meshd.receiver", "Receiver index", base.HEX),
	counter = ProtoField.uint64("meshd.counter", "Counter"),
	sealed = ProtoField.bytes("meshd.sealed", "Cipher text"),
	inner_length = ProtoField.uint32("meshd.inner_length", "Bytes inside"),
	tag = ProtoField.bytes("meshd.tag", "Tag"),
	noise = ProtoField.bytes("meshd.noise", "Noise message"),
	mac1 = ProtoField.bytes("meshd.mac1", "mac1"),
	mac2 = ProtoField.bytes("meshd.mac2", "mac2"),
	has_cookie = ProtoField.bool("meshd.has_cookie", "Brings a cookie"),
	nonce = ProtoField.bytes("meshd.nonce", "Nonce"),
	masked = ProtoField.bytes("meshd.masked", "Who it is, masked"),
	mac = ProtoField.bytes("meshd.mac", "MAC"),
	version = ProtoField.uint8("meshd.version", "Version"),
	id = ProtoField.bytes("meshd.id", "Id of its keys"),
	serial = ProtoField.uint32("meshd.serial", "Serial of the certificate"),
	from = ProtoField.uint16("meshd.from", "From byte"),
	total = ProtoField.uint16("meshd.total", "Bytes in all"),
	part = ProtoField.bytes("meshd.part", "Of the authority's answer"),
}
mesh.fields = f
local too_short = ProtoExpert.new("meshd.too_short", "Shorter than its type allows", expert.group.MALFORMED,
	expert.severity.ERROR)
mesh.experts = { too_short }

-- The least, and for those of one length the only, number of bytes of a frame of this type.
local function shortest(type)
	if type == DATA then return DATA_HEADER + 1 + TAG end
	if type == COOKIE then return COOKIE_LENGTH end
	if type == BEACON then return BEACON_LENGTH end
	if type == PLEA then return PLEA_LENGTH end
	if type == ANSWER then return ANSWER_MIN end
	return HANDSHAKE_MIN
end

local function is_frame(buffer)
	if buffer:len() < BEACON_LENGTH - TAG or buffer:len() < 4 then return false end
	local type = buffer(0, 1):uint()
	if not names[type] or buffer:len() < shortest(type) then return false end
	if (type == COOKIE or type == BEACON) and buffer:len() ~= shortest(type) then return false end
	return buffer(2, 2):uint() == 0 and (type == BEACON or type <= FIN or type == PLEA or type == ANSWER
		or buffer(1, 1):uint() == 0)
end

local function data(buffer, tree)
	local inner = buffer:len() - DATA_HEADER - TAG
	tree:add(f.receiver, buffer(4, 4))
	tree:add_le(f.counter, buffer(8, 8))
	tree:add(f.sealed, buffer(DATA_HEADER, inner))
	tree:add(f.inner_length, inner):set_generated()
	tree:add(f.tag, buffer(buffer:len() - TAG, TAG))
	return string.format("to 0x%08x, number %s, %d bytes inside", buffer(4, 4):uint(),
		tostring(buffer(8, 8):le_uint64()), inner)
end

local function handshake(buffer, tree, type)
	local from, macs = 8, buffer:len() - 2 * TAG
	local text = string.format("from 0x%08x", buffer(4, 4):uint())
	tree:add(f.ik, buffer(1, 1))
	tree:add(f.sender, buffer(4, 4))
	if type ~= INIT then
		tree:add(f.receiver, buffer(8, 4))
		text = text .. string.format(" to 0x%08x", buffer(8, 4):uint())
		from = 12
	end
	tree:add(f.noise, buffer(from, macs - from))
	tree:add(f.mac1, buffer(macs, TAG))
	tree:add(f.mac2, buffer(macs + TAG, TAG))
	local has_cookie = buffer(macs + TAG, TAG):bytes():tohex() ~= string.rep("00", TAG)
	tree:add(f.has_cookie, buffer(macs + TAG, TAG), has_cookie):set_generated()
	return (bit.band(buffer(1, 1):uint(), 1) == 1 and "IK, " or "XX, ") .. text
end

local function cookie(buffer, tree)
	tree:add(f.receiver, buffer(4, 4))
	tree:add(f.nonce, buffer(8, 24))
	tree:add(f.sealed, buffer(32, 32))
	return string.format("to 0x%08x", buffer(4, 4):uint())
end

local function beacon(buffer, tree)
	tree:add(f.version, buffer(1, 1))
	tree:add(f.nonce, buffer(4, 12))
	tree:add(f.masked, buffer(16, 12))
	tree:add(f.mac, buffer(28, 16))
	return "to all"
end

local function plea(buffer, tree)
	tree:add(f.version, buffer(1, 1))
	tree:add(f.id, buffer(4, 8))
	tree:add(f.from, buffer(12, 2))
	return string.format("of %s, from byte %d", buffer(4, 8):bytes():tohex(), buffer(12, 2):uint())
end

local function answer(buffer, tree)
	tree:add(f.version, buffer(1, 1))
	tree:add(f.serial, buffer(4, 4))
	tree:add(f.from, buffer(8, 2))
	tree:add(f.total, buffer(10, 2))
	tree:add(f.part, buffer(12))
	return string.format("serial %d, from byte %d of %d", buffer(4, 4):uint(), buffer(8, 2):uint(), buffer(10, 2):uint())
end

local function frame(buffer, pinfo, tree)
	local type = buffer(0, 1):uint()
	local name = names[type] or string.format("type %d", type)
	local branch = tree:add(mesh, buffer(), "meshd, " .. name)
	pinfo.cols.protocol = "meshd"
	branch:add(f.type, buffer(0, 1))
	local text = ""
	if buffer:len() < shortest(type) or not names[type] then
		branch:add_proto_expert_info(too_short)
		text = "too short, or of no known type"
	elseif type == DATA then text = data(buffer, branch)
	elseif type == COOKIE then text = cookie(buffer, branch)
	elseif type == BEACON then text = beacon(buffer, branch)
	elseif type == PLEA then text = plea(buffer, branch)
	elseif type == ANSWER then text = answer(buffer, branch)
	else text = handshake(buffer, branch, type) end
	pinfo.cols.info = name .. " " .. text
end

-- On Ethernet two bytes of length stand before the frame, since short ones are padded.
function mesh.dissector(buffer, pinfo, tree)
	local captured = buffer:len()
	if captured < 4 then return 0 end
	local length = buffer(0, 2):uint()
	if names[buffer(2, 1):uint()] and length <= captured - 2 then
		tree:add(f.length, buffer(0, 2))
		frame(buffer(2, length):tvb(), pinfo, tree)
		return length + 2
	end
	frame(buffer, pinfo, tree)
	return captured
end

DissectorTable.get("ethertype"):add(0x88b5, mesh)

mesh:register_heuristic("udp", function(buffer, pinfo, tree)
	if not is_frame(buffer) then return false end
	frame(buffer, pinfo, tree)
	return true
end)
