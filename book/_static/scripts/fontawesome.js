// Left empty: the theme draws its icons from fonts already, and this file of the theme would load them all once more, 1.5 MB.
