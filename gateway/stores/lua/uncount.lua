-- KEYS: windows
-- ARGV: how many events

uncount(1, #KEYS, tonumber(ARGV[1]))
return 0
