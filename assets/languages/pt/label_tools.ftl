tool-grow = Estender por espectro
    .tip = Clique num píxel: o que está ligado a ele e lhe é espectralmente semelhante recebe a classe escolhida
load-classes = Carregar classes…
    .tip = Adicionar as classes de uma tabela (CSV, estilo QGIS, tabela de cores), de outro projeto ou de um mapa de classes
save-classes = Guardar classes…
    .tip = Escrever números, nomes e cores das classes como tabela (CSV), estilo QGIS ou tabela de cores
why-no-classes = Adicione primeiro uma classe
fill-nothing-here = O preenchimento atua sobre uma zona rotulada ou dentro de um contorno fechado. Pinte um primeiro com o pincel.
fill-protected = Os píxeis rotulados estão protegidos (B). Retire a proteção para dar outra classe a esta zona.
fill-has-class = Esta zona já tem a classe escolhida.
fill-not-closed = Nada foi preenchido: o contorno não está fechado, ou a zona é grande demais.
fill-too-many = Há preenchimentos demais à espera. Tente de novo quando terminarem.
fill-step = Preencher com { $class }
grow-no-raster = Não há um ráster cujos píxeis comparar. Adicione um primeiro.
grow-step = Estender { $class }
grow-difference = Diferença
grow-difference-tip = Distância entre valores, em desvios-padrão de cada banda; o brilho conta
grow-angle = Ângulo
grow-angle-tip = Ângulo entre espectros: o mesmo solo ao sol e à sombra é semelhante
grow-tolerance = Tolerância
grow-tolerance-tip = Quanto um píxel pode diferir do clicado; o mapa acompanha
grow-limit = No máximo
grow-limit-tip = Uma região com mais píxeis não é rotulada
grow-hint = Clique num píxel: todos os semelhantes em redor recebem a classe escolhida
grow-waiting = A ler…
grow-pixels = { $count } píxeis
grow-too-large = Mais píxeis do que o permitido: baixe a tolerância
grow-layer-tip = A camada cujos píxeis são comparados: o ráster ativo
grow-keep = Manter a região (Enter)
grow-drop = Retirar a região (Esc)
classes-step = Carregar classes de { $file }
classes-added = { $count ->
    [0] { $file }: nenhuma classe nova.
    [one] { $file }: uma classe adicionada.
   *[other] { $file }: { $count } classes adicionadas.
    }
classes-nothing-new = { $file } não tem nenhuma classe que não exista já.
classes-recolored = { $count ->
    [one] Uma classe do mesmo nome recebeu a sua cor.
   *[other] { $count } classes do mesmo nome receberam as suas cores.
    }
classes-renumbered = Havia números ocupados; estas têm outros: { $list }.
classes-left-out = { $count } ficaram de fora: 255 classes são o máximo.
classes-written = Tabela de classes escrita.
classes-menu = Classes: carregar, guardar, importar rótulos
label-statistics = Estatísticas dos rótulos
label-hint-tip = Clique para continuar com esta classe
label-hints-more = mais { $count } avisos
label-hint-few = { $class } tem { $count } píxeis rotulados; com menos de 20 dizem pouco.
label-hint-rare = { $class } tem { $percent } % dos píxeis de { $largest }. Rotule mais, ou aumente o seu peso.
label-hint-very-rare = { $class } tem menos de 1 % dos píxeis de { $largest }. Rotule mais, ou aumente o seu peso.
label-hint-one-patch = { $class } está numa só zona. Rotule um segundo lugar, para poder testá-la longe de onde foi aprendida.
label-class = Classe
label-pixels = Píxeis
label-pixels-tip = Píxeis rotulados, pintados e em polígonos
label-share-tip = Parte de todos os píxeis rotulados
label-patches = Zonas
label-patches-tip = Zonas separadas; um teste por lugares precisa de pelo menos duas
label-tested = Teste
label-tested-tip = Píxeis de polígonos guardados para testar
snap-strokes = Ajustar traços a segmentos
    .tip = O pincel rotula os segmentos inteiros de píxeis parecidos que atravessa
snap-side = Segmentos
snap-side-tip = Largura dos segmentos em píxeis; seguem os contornos do raster ativo
snap-hint = Desenhe através dos segmentos da classe
snap-step = Pintar { $class } por segmentos
snap-nothing = Nada foi rotulado: o raster não tem valores ali.
snap-too-many = Há demasiados traços à espera. Tente de novo quando terminarem.
