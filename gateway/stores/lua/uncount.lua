-- KEYS: windows

uncount(1, #KEYS)
return 0
