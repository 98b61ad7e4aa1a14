let demo = 1
